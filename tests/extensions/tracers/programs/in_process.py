"""Ask shop.py all of asked.py in this process."""

import json
import logging
import time

import shop
import watched
from asked import REQUESTS
from werkzeug.test import Client

logging.disable(logging.CRITICAL)
shop.app.logger.disabled = True
client = Client(shop.app)
statuses = []
for name, method, target in REQUESTS:
    watched.note(asked=name)
    answer = client.open(target, method=method, buffered=True)
    statuses.append(answer.status_code)
    answer.close()
    time.sleep(0.002)
if watched.TRACER in {"otel", "otel-app"}:
    watched.note(asked="metrics")
    watched.end_otel()
print(json.dumps({"flask": shop.Flask.__mro__[-4].__module__, "statuses": statuses}))
