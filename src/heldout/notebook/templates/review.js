// A blind reading, in a notebook: one picture, a button a class. The page is told nothing of an image but its picture.

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function render({ model, el }) {
  const about = model.get("about");
  const status = make("p", { role: "status" }, "Waiting for the kernel; run this cell again if nothing comes.");
  const trouble = make("p", { class: "heldout-review-trouble", role: "alert" });
  const picture = make("div", { class: "heldout-review-picture" });
  const answers = about.classes.map((name, number) => {
    const key = number < 9 ? `${number + 1} ` : "";
    const button = make("button", { type: "button" }, make("kbd", {}, key), name);
    button.addEventListener("click", () => read(number));
    return button;
  });
  const unsure = make("button", { type: "button" }, make("kbd", {}, "0 "), "cannot tell");
  unsure.addEventListener("click", () => read(null));
  const undo = make("button", { type: "button" }, make("kbd", {}, "u "), "take back the last one");
  undo.addEventListener("click", back);
  const bar = make("div", { class: "heldout-review-bar" }, ...answers, unsure, undo);
  const attributes = { class: "heldout-review", tabindex: "0", role: "group", "data-lm-suppress-shortcuts": "true" };
  const box = make("div", { ...attributes, "aria-label": "Blind reading" }, status, picture, bar, trouble);
  el.replaceChildren(box);

  let token = null;
  let last = null;
  let waiting = true; // one answer at a time: a second key press must not be taken for the next image
  let url = "";

  function send(message) {
    waiting = true;
    if (box.contains(document.activeElement)) box.focus({ preventScroll: true }); // a disabled button loses the keys
    for (const button of bar.children) button.disabled = true;
    model.send(message);
  }

  function read(label) {
    if (!waiting && token !== null) send({ kind: "read", token, label });
  }

  function back() {
    if (!waiting && last !== null) send({ kind: "undo", reading: last });
  }

  function clear() {
    if (url) URL.revokeObjectURL(url);
    url = "";
    picture.replaceChildren();
  }

  function receive(answer, buffers) {
    clear();
    trouble.textContent = answer.trouble;
    waiting = answer.kind === "error";
    token = answer.kind === "image" ? answer.token : null;
    last = answer.last ?? null;
    for (const button of answers) button.disabled = token === null;
    unsure.disabled = token === null;
    undo.disabled = last === null;
    if (answer.kind === "error") return;
    status.textContent = `${about.reader}: ${answer.read} of ${answer.total} read${token === null ? ". Done, thank you." : ""}`;
    if (token === null) return;
    url = URL.createObjectURL(new Blob([buffers[0]], { type: "image/jpeg" }));
    picture.append(make("img", { src: url, alt: "The image to be read" }));
  }

  box.addEventListener("keydown", (event) => {
    if (event.ctrlKey || event.metaKey || event.altKey || event.repeat) return;
    const number = Number(event.key);
    if (event.key === "0") read(null);
    else if (event.key === "u") back();
    else if (number >= 1 && number <= answers.length && event.key.length === 1) read(number - 1);
    else return;
    event.preventDefault();
    event.stopPropagation(); // a notebook has keys of its own
  });
  model.on("msg:custom", receive);
  send({ kind: "next" });

  return () => {
    model.off("msg:custom", receive);
    clear();
  };
}

export default { render };
