// Requests to the server that gave this page; every address is relative to it, its token included.

const MOST_BYTES = 24 * 2 ** 20;

export class Refused extends Error {}

async function answer(response) {
  const text = await response.text();
  let found;
  try {
    found = JSON.parse(text);
  } catch {
    throw new Refused(text.trim() || `The server answered ${response.status}.`);
  }
  if (!response.ok) throw new Refused(found.error);
  return found;
}

function address(path, query) {
  const given = Object.entries(query).filter(([, value]) => value !== undefined && value !== null);
  return given.length ? `${path}?${new URLSearchParams(given)}` : path;
}

async function sent(path, query, options) {
  let response;
  try {
    response = await fetch(address(path, query), options);
  } catch {
    throw new Refused("The server does not answer; was it stopped? Start glassnet open again.");
  }
  return answer(response);
}

export const get = (path, query = {}) => sent(path, query, {});
export const post = (path, query = {}, body = undefined) => sent(path, query, { method: "POST", body });

export async function upload(file, path = "pictures") {
  if (file.size > MOST_BYTES) throw new Refused(`'${file.name}' is larger than ${MOST_BYTES / 2 ** 20} MB.`);
  return post(path, { name: file.name }, file);
}

// One line at the top of the page; null takes it away.
export function trouble(error) {
  const line = document.getElementById("trouble");
  line.hidden = !error;
  line.textContent = error ? error.message : "";
  if (error && !(error instanceof Refused)) console.error(error);
}

export async function attempt(work) {
  try {
    const found = await work();
    trouble(null);
    return found;
  } catch (error) {
    trouble(error);
    return undefined;
  }
}
