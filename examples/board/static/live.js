// An open page of a question shows new answers, and that somebody writes one, as it happens: told by
// a WebSocket, or by server-sent events where there is none. Without this script the page is whole.

"use strict";

const SHOWN_MS = 5000; // how long somebody is said to write
const SAID_AGAIN_MS = 2000; // how often we say that we do
const SHORTEST_PAUSE_MS = 1000;
const LONGEST_PAUSE_MS = 30000;

const thread = document.getElementById("thread");
const { address, writer } = thread.dataset;
let latest = Number(thread.dataset.latest);

// What comes.

function hear(text) {
  const message = JSON.parse(text);
  if (message.answer > latest) {
    fetchAnswers();
  }
  if (message.writing && message.writing !== writer) {
    showWriting();
  }
}

let hiding;

function showWriting() {
  clearTimeout(hiding);
  document.getElementById("writing").textContent = "Somebody is writing an answer …";
  hiding = setTimeout(hideWriting, SHOWN_MS);
}

function hideWriting() {
  clearTimeout(hiding);
  document.getElementById("writing").textContent = "";
}

let fetching = false;
let wanted = false;

async function fetchAnswers() {
  wanted = true;
  if (fetching) {
    return;
  }
  fetching = true;
  try {
    while (wanted) {
      wanted = false;
      const response = await fetch(`${address}/answers?after=${latest}`);
      if (response.ok) {
        showAnswers(await response.text());
      }
    }
  } catch {
    // The network is gone: what is new is told again when it is back.
  } finally {
    fetching = false;
  }
}

// The piece of page comes from our own server, which has escaped what users wrote.
function showAnswers(html) {
  const piece = new DOMParser().parseFromString(html, "text/html");
  const authors = [];
  for (const answer of piece.querySelectorAll("section.post")) {
    latest = Math.max(latest, Number(answer.id.replace("answer-", "")));
    if (!document.getElementById(answer.id)) {
      answer.classList.add("fresh");
      authors.push(answer.dataset.author);
      document.getElementById("answers").append(document.adoptNode(answer));
    }
  }
  if (authors.length) {
    const count = piece.getElementById("answers-head").textContent;
    document.getElementById("answers-head").textContent = count;
    document.getElementById("news").textContent = `New answer by ${authors.join(", ")}.`;
    hideWriting();
  }
}

// What is said: sendWriting is set by what we are connected with.

let sendWriting = () => {};
let saidAt = -Infinity;
const form = document.querySelector("#write form");

form?.elements.body.addEventListener("input", () => {
  if (performance.now() - saidAt > SAID_AGAIN_MS) {
    saidAt = performance.now();
    sendWriting();
  }
});

function postWriting() {
  const headers = { "X-CSRF-Token": form.elements.csrf_token.value };
  fetch(`${address}/writing`, { method: "POST", headers }).catch(() => {});
}

// The connection. thread.dataset.live says which one there is.

let connection;
let pause = SHORTEST_PAUSE_MS;
let retry;
let hadSocket = false;

function openSocket() {
  const url = new URL(`${address}/live`, location.href);
  url.protocol = location.protocol.replace("http", "ws");
  let socket;
  try {
    socket = new WebSocket(url);
  } catch {
    openEvents();
    return;
  }
  connection = socket;
  socket.onopen = () => {
    hadSocket = true;
    pause = SHORTEST_PAUSE_MS;
    thread.dataset.live = "websocket";
    sendWriting = () => socket.send("writing");
  };
  socket.onmessage = (event) => hear(event.data);
  socket.onclose = () => {
    delete thread.dataset.live;
    sendWriting = () => {};
    if (connection !== socket) {
      return; // the page is left
    }
    if (hadSocket) {
      retry = setTimeout(openSocket, pause * (0.5 + Math.random()));
      pause = Math.min(pause * 2, LONGEST_PAUSE_MS);
    } else {
      openEvents();
    }
  };
}

function openEvents() {
  const events = new EventSource(`${address}/events`); // connects again by itself
  connection = events;
  events.onopen = () => {
    thread.dataset.live = "events";
    sendWriting = postWriting;
  };
  events.onmessage = (event) => hear(event.data);
}

// A page that is left may be kept for the way back: then it is silent until it is seen again.

function disconnect() {
  const open = connection;
  connection = undefined;
  clearTimeout(retry);
  open?.close();
}

addEventListener("pagehide", disconnect);
addEventListener("pageshow", (event) => {
  if (event.persisted) {
    openSocket();
  }
});

openSocket();
