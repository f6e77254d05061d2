// The images of a run, in a notebook. Only what is in sight is asked for and kept in the page; every name is text.

const TILE = 112; // pixels of a picture with its frame
const LINE = 150; // pixels of a row: the picture and two lines of text
const KEPT = 288; // answers kept in the page: six pages, more than any screen shows

function make(tag, attributes = {}, ...children) {
  const element = document.createElement(tag);
  for (const [name, value] of Object.entries(attributes)) element.setAttribute(name, value);
  element.append(...children);
  return element;
}

function choice(name, options) {
  const select = make("select", { "aria-label": name });
  for (const [value, text] of options) {
    const option = make("option", {}, text);
    option.value = value;
    select.append(option);
  }
  return select;
}

const percent = (fraction) => `${(100 * fraction).toFixed(0)} %`;
const words = { train: "training", val: "validation", test: "test" };

function render({ model, el }) {
  const about = model.get("about");
  const classes = about.classes.map((name, number) => [String(number), name]);
  const controls = {
    part: choice("Part", about.parts.map(([part, n]) => [part, `${words[part]} (${n})`])),
    label: choice("Labelled", [["-1", "any label"], ...classes]),
    predicted: choice("Called", [["-1", "called anything"], ...classes]),
    outcome: choice("Outcome", [["", "right and wrong"], ["wrong", "wrong"], ["right", "right"]]),
    order: choice("Order", about.orders.map((order) => [order, order])),
  };
  const status = make("p", { class: "heldout-gallery-status", role: "status" });
  const inner = make("div", { class: "heldout-gallery-inner" });
  const view = make("div", { class: "heldout-gallery-view", role: "group", "aria-label": "Images; arrow keys move" }, inner);
  const detail = make("div", { class: "heldout-gallery-detail", role: "region", "aria-label": "Image", tabindex: "-1" });
  detail.hidden = true;
  const bar = make("div", { class: "heldout-gallery-bar" }, ...Object.values(controls));
  const box = make("div", { class: "heldout-gallery", "data-lm-suppress-shortcuts": "true" }, make("p", {}, about.title), bar, status, view, detail);
  el.replaceChildren(box);

  let items = new Map(); // place in the order -> item; the oldest are dropped
  let asked = new Set(); // pages that are on their way
  let total = 0;
  let known = false;
  let current = 0;
  let round = 0; // of the choices: answers to earlier ones are dropped
  let large = "";

  const columns = () => Math.max(1, Math.floor(view.clientWidth / TILE));
  const query = () => ({
    part: controls.part.value,
    label: Number(controls.label.value),
    predicted: Number(controls.predicted.value),
    outcome: controls.outcome.value,
    order: controls.order.value,
  });

  function address(buffer) {
    return URL.createObjectURL(new Blob([buffer], { type: "image/jpeg" }));
  }

  function forget() {
    for (const item of items.values()) if (item.url) URL.revokeObjectURL(item.url);
    items = new Map();
    asked = new Set();
  }

  function start() {
    forget();
    close();
    [total, known, current] = [0, false, 0];
    round += 1;
    view.scrollTop = 0;
    status.textContent = "Waiting for the kernel; run this cell again if nothing comes.";
    draw();
    ask(0);
  }

  function ask(page) {
    if (asked.has(page)) return;
    asked.add(page);
    model.send({ kind: "page", ask: `${round}/${page}`, start: page * about.page, count: about.page, ...query() });
  }

  function draw(focus = false) {
    const across = columns();
    inner.style.height = `${Math.ceil(total / across) * LINE}px`;
    const first = Math.max(0, Math.floor(view.scrollTop / LINE)) * across;
    const last = Math.min(total, Math.ceil((view.scrollTop + view.clientHeight) / LINE) * across);
    current = Math.min(current, Math.max(0, total - 1));
    const held = inner.contains(document.activeElement) || focus;
    const tiles = [];
    let held_tile = null;
    for (let place = first; place < last; place++) {
      const item = items.get(place);
      if (!item) ask(Math.floor(place / about.page));
      const tile = draw_tile(place, item, across);
      if (place === current) held_tile = tile;
      tiles.push(tile);
    }
    (held_tile ?? tiles[0])?.setAttribute("tabindex", "0");
    inner.replaceChildren(...tiles);
    if (held && held_tile) held_tile.focus({ preventScroll: true });
  }

  function draw_tile(place, item, across) {
    const tile = make("button", { type: "button", class: "heldout-gallery-tile", tabindex: "-1", "data-place": place });
    tile.style.left = `${(place % across) * TILE}px`;
    tile.style.top = `${Math.floor(place / across) * LINE}px`;
    if (!item) return tile;
    tile.classList.add(item.right ? "heldout-gallery-right" : "heldout-gallery-wrong");
    const said = `${item.right ? "right" : "wrong"}: ${item.predicted}, ${percent(item.sure)}; label ${item.label}`;
    tile.setAttribute("aria-label", `${place + 1} of ${total}, ${said}`);
    tile.title = said;
    if (item.url) tile.append(make("img", { src: item.url, alt: "" }));
    else tile.append(make("span", { class: "heldout-gallery-gone" }, item.id));
    tile.append(make("span", {}, `${item.right ? "✓" : "✗"} ${percent(item.sure)} ${item.predicted}`));
    tile.append(make("span", {}, item.label));
    return tile;
  }

  function reveal(place) {
    const top = Math.floor(place / columns()) * LINE;
    if (top < view.scrollTop) view.scrollTop = top;
    if (top + LINE > view.scrollTop + view.clientHeight) view.scrollTop = top + LINE - view.clientHeight;
  }

  function open(place) {
    const item = items.get(place);
    if (!item) return;
    current = place;
    model.send({ kind: "image", ask: `${round}/image`, part: controls.part.value, id: item.id });
  }

  function close() {
    if (large) URL.revokeObjectURL(large);
    large = "";
    detail.hidden = true;
    detail.replaceChildren();
  }

  function show(answer, buffers) {
    close();
    const button = make("button", { type: "button" }, "Close");
    button.addEventListener("click", leave);
    const list = make("ul");
    for (const [name, p] of answer.probabilities) list.append(make("li", {}, `${name}: ${(100 * p).toFixed(1)} %`));
    const facts = [`label: ${answer.label}`, `file: ${answer.file}`, `id: ${answer.id}`];
    if (answer.patient) facts.push(`patient: ${answer.patient}`);
    const text = make("div", {}, button, ...facts.map((fact) => make("p", {}, fact)), list);
    if (answer.picture >= 0) {
      large = address(buffers[answer.picture]);
      detail.append(make("img", { src: large, alt: `Image ${answer.id}` }));
    }
    detail.append(text);
    detail.hidden = false;
    detail.focus();
  }

  function leave() {
    close();
    draw(true);
  }

  function receive(answer, buffers) {
    const [its_round, page] = String(answer.ask).split("/");
    if (Number(its_round) !== round) return;
    if (answer.kind === "error") {
      status.textContent = answer.text;
    } else if (answer.kind === "image") {
      show(answer, buffers);
    } else if (answer.kind === "page") {
      asked.delete(Number(page));
      answer.items.forEach((item, number) => {
        const url = item.picture >= 0 ? address(buffers[item.picture]) : "";
        items.set(answer.start + number, { ...item, url });
      });
      for (const place of items.keys()) {
        if (items.size <= KEPT) break;
        const old = items.get(place);
        if (old.url) URL.revokeObjectURL(old.url);
        items.delete(place);
      }
      if (!known || total !== answer.total) {
        [total, known] = [answer.total, true];
        status.textContent = total === 1 ? "1 image" : `${total.toLocaleString("en")} images`;
      }
      draw();
    }
  }

  const steps = { ArrowRight: () => 1, ArrowLeft: () => -1, ArrowDown: () => columns(), ArrowUp: () => -columns() };
  view.addEventListener("keydown", (event) => {
    const far = { Home: 0, End: total - 1 }[event.key];
    const to = event.key in steps ? current + steps[event.key]() : far;
    if (to === undefined) return;
    event.preventDefault();
    event.stopPropagation(); // a notebook has its own arrow keys
    current = Math.min(Math.max(to, 0), Math.max(0, total - 1));
    reveal(current);
    draw(true);
  });
  box.addEventListener("keydown", (event) => {
    if (event.key === "Escape" && !detail.hidden) {
      event.stopPropagation();
      leave();
    } else if (event.key === "Enter") {
      event.stopPropagation();
    }
  });
  inner.addEventListener("click", (event) => {
    const tile = event.target.closest("[data-place]");
    if (tile) open(Number(tile.dataset.place));
  });
  let waiting = false;
  view.addEventListener("scroll", () => {
    if (waiting) return;
    waiting = true;
    requestAnimationFrame(() => ((waiting = false), draw()));
  });
  for (const control of Object.values(controls)) control.addEventListener("change", start);
  const watch = new ResizeObserver(() => draw());
  watch.observe(view);
  model.on("msg:custom", receive);
  start();

  return () => {
    watch.disconnect();
    model.off("msg:custom", receive);
    forget();
    close();
  };
}

export default { render };
