// Sends JSON and gives what came back; an error of ours as an error with its words.
import { say } from "./words.js";
export const base = document.body.dataset.base;

export const post = async (place, body) => {
  const answer = await fetch(`${base}/${place}`, {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(body),
  }).catch(() => null);
  return told(answer);
};

export const get = async (place) => told(await fetch(`${base}/${place}`).catch(() => null));

const told = async (answer) => {
  if (answer === null) throw new Error(say("The server does not answer. What was read before is kept: start it again (heldout serve), open the address that it prints, and enter the same name."));
  const found = await answer.json().catch(() => ({}));
  if (!answer.ok) throw Object.assign(new Error(found.error ?? say("The server answers {n}.", { n: answer.status })), { status: answer.status });
  return found;
};

export const trouble = (error) => {
  const box = document.getElementById("trouble");
  box.textContent = error ? error.message : "";
  box.hidden = !error;
};
