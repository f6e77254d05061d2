// One image: the arrow keys lead to the image before and after in the gallery that it was opened from.
import { say } from "./words.js";
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea, summary, [tabindex='0']")) return;
  const link = { ArrowLeft: "before", ArrowRight: "after" }[event.key];
  if (link) document.getElementById(link)?.click();
});

// Maps of classes take a few seconds, and are made when they are asked for.
const button = document.getElementById("places");
button?.addEventListener("click", async () => {
  const told = document.getElementById("places-told");
  button.disabled = true;
  told.textContent = say("The network is asked …");
  const answer = await fetch(button.dataset.address).catch(() => null);
  const found = answer?.ok ? await answer.json() : { error: say("The pixels or the network are not there.") };
  button.disabled = false;
  told.textContent = found.error ?? found.said;
  const picture = (source, words) => {
    const figure = document.createElement("figure");
    const image = Object.assign(document.createElement("img"), { src: source, alt: words });
    const caption = document.createElement("figcaption");
    caption.textContent = words;
    figure.append(image, caption);
    return figure;
  };
  document.getElementById("maps").replaceChildren(...(found.maps ?? []).map((one) => {
    const row = document.createElement("div");
    const said = document.createElement("p");
    said.textContent = one.said;
    row.append(picture(one.map, say("for {name}", { name: one.class })), picture(one.control, say("random weights")), said);
    return row;
  }));
});
