-- Sends the method, body and content type that are given as arguments; reports as a line of JSON.

function init(arguments)
   wrk.method = arguments[1]
   if arguments[2] ~= "" then
      wrk.body = arguments[2]
      wrk.headers["Content-Type"] = arguments[3]
   end
end

function done(summary, latency, requests)
   local errors = summary.errors
   io.write(string.format(
      '\n{"requests": %d, "seconds": %.6f, "p50_ms": %.3f, "p99_ms": %.3f, ' ..
      '"refused": %d, "broken": %d, "late": %d, "wrong_status": %d}\n',
      summary.requests, summary.duration / 1e6,
      latency:percentile(50) / 1000, latency:percentile(99) / 1000,
      errors.connect, errors.read + errors.write, errors.timeout, errors.status))
end
