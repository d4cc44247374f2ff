// Which room is shown, and the state in the address: #draw?model=..., #runs?compare=...,...

import { DataRoom } from "./data.js";
import { DrawRoom } from "./draw.js";
import { PlayRoom } from "./play.js";
import { ReadRoom } from "./read.js";
import { RunsRoom } from "./runs.js";
import { attempt, get, trouble } from "./server.js";
import { TrainRoom } from "./train.js";

const ROOMS = ["draw", "train", "read", "play", "runs", "data"];

class Address {
  parts() {
    const [room, query] = location.hash.slice(1).split("?");
    return { room: ROOMS.includes(room) ? room : this.first, state: Object.fromEntries(new URLSearchParams(query || "")) };
  }

  set(change) {
    const { room, state } = this.parts();
    const next = Object.entries({ ...state, ...change }).filter(([, value]) => value !== null);
    const query = new URLSearchParams(next).toString();
    location.hash = query ? `${room}?${query}` : room;
  }
}

async function begin() {
  const opened = await attempt(() => get("opened"));
  if (!opened) return;
  document.getElementById("place").textContent = opened.folder;
  const address = new Address();
  address.first = opened.models.some((model) => model.draws) ? "draw" : opened.models.length ? "runs" : "read";
  const makers = {
    draw: () => new DrawRoom(opened, address),
    train: () => new TrainRoom(opened, address, look),
    read: () => new ReadRoom(),
    play: () => new PlayRoom(address),
    runs: () => new RunsRoom(address),
    data: () => new DataRoom(address),
  };
  const rooms = {};
  let current = null;

  // What the folder holds now; rooms that list it are made again.
  async function look() {
    const found = await get("opened").catch(() => null); // of which nothing need be said
    if (!found) return;
    Object.assign(opened, found);
    for (const room of ["draw", "runs"]) if (room !== current) delete rooms[room];
  }

  async function show() {
    const { room, state } = address.parts();
    rooms[room] ??= makers[room]();
    if (room !== current) {
      trouble(null);
      rooms[current]?.leave?.();
      document.getElementById("room").replaceChildren(rooms[room].element);
      for (const link of document.querySelectorAll("nav a")) {
        if (link.dataset.room === room) link.setAttribute("aria-current", "page");
        else link.removeAttribute("aria-current");
      }
      document.title = `${room[0].toUpperCase()}${room.slice(1)} - glassnet`;
      current = room;
    }
    await rooms[room].enter(state);
  }

  document.querySelector(".skip").addEventListener("click", (event) => {
    event.preventDefault();
    document.getElementById("content").focus();
  });
  addEventListener("hashchange", show);
  // A file that is dropped beside a field would be opened by the browser in place of the page.
  for (const name of ["dragover", "drop"]) addEventListener(name, (event) => event.preventDefault());
  await show();
}

begin();
