// The map: points on a canvas, coloured by a column; a line drawn round some of them opens the gallery.
const base = document.body.dataset.base;
const form = document.getElementById("tools");
const canvas = document.getElementById("map");
const legend = document.getElementById("legend");
const told = document.getElementById("told");
const colour = document.getElementById("colour");
const CORNERS = 60; // of the line, once it is simplified: it stands in the gallery's address
const RADIUS = 3;

for (const select of form.querySelectorAll("select[name]")) select.addEventListener("change", () => form.submit());

if (canvas) {
  const { run, by } = canvas.dataset;
  const answer = await fetch(`${base}/map/points.json?${new URLSearchParams({ run, by })}`);
  const points = await answer.json();
  const pen = canvas.getContext("2d");
  let line = []; // corners while it is drawn, in units of the map
  const hidden = new Set(); // places in the legend that are switched off

  const scale = () => Math.min(canvas.clientWidth, canvas.clientHeight) / 2 - 12;
  const stretch = () => Math.max(1, canvas.clientWidth / canvas.clientHeight); // a wide page is used
  const across = (x) => canvas.clientWidth / 2 + x * scale() * stretch();
  const up = (y) => canvas.clientHeight / 2 - y * scale();
  const back = (event) => [(event.offsetX - canvas.clientWidth / 2) / (scale() * stretch()), (canvas.clientHeight / 2 - event.offsetY) / scale()];
  const ink = (place) => getComputedStyle(document.documentElement).getPropertyValue(place < 8 ? `--run${place}` : "--grey").trim();

  const draw = () => {
    const sharp = devicePixelRatio || 1;
    canvas.width = canvas.clientWidth * sharp;
    canvas.height = canvas.clientHeight * sharp;
    pen.scale(sharp, sharp);
    const { names, of } = points.colours[colour.value];
    const inks = names.map((_, place) => ink(place));
    pen.globalAlpha = points.x.length > 3000 ? 0.5 : 0.75;
    // The commonest first, so that rare ones lie on top; those of the same colour in one path.
    for (let place = 0; place < names.length; place++) {
      if (hidden.has(place)) continue;
      pen.fillStyle = inks[place];
      pen.beginPath();
      for (let i = 0; i < of.length; i++) {
        if (of[i] !== place) continue;
        const [x, y] = [across(points.x[i]), up(points.y[i])];
        pen.moveTo(x + RADIUS, y);
        pen.arc(x, y, RADIUS, 0, 7);
      }
      pen.fill();
    }
    pen.globalAlpha = 1;
    if (line.length > 1) {
      pen.strokeStyle = ink(99);
      pen.lineWidth = 2;
      pen.setLineDash([6, 4]);
      pen.beginPath();
      line.forEach(([x, y], k) => (k ? pen.lineTo(across(x), up(y)) : pen.moveTo(across(x), up(y))));
      pen.closePath();
      pen.stroke();
    }
  };
  const explain = () => {
    hidden.clear();
    legend.replaceChildren(...points.colours[colour.value].names.map((name, place) => {
      const item = document.createElement("li");
      const button = document.createElement("button");
      button.type = "button";
      button.ariaPressed = "true";
      const dot = document.createElement("i");
      dot.className = "swatch";
      dot.style.background = ink(place);
      button.append(dot, name);
      button.addEventListener("click", () => {
        hidden.has(place) ? hidden.delete(place) : hidden.add(place);
        button.ariaPressed = String(!hidden.has(place));
        draw();
      });
      item.append(button);
      return item;
    }));
    draw();
  };
  colour.addEventListener("change", explain);

  const nearest = (x, y) => {
    let [best, found] = [12 * 12, -1];
    for (let i = 0; i < points.x.length; i++) {
      const far = (across(points.x[i]) - x) ** 2 + (up(points.y[i]) - y) ** 2;
      if (far < best && !hidden.has(points.colours[colour.value].of[i])) [best, found] = [far, i];
    }
    return found;
  };
  const short = (corners) => {
    const step = Math.max(1, Math.ceil(corners.length / CORNERS));
    return corners.filter((_, k) => k % step === 0);
  };
  canvas.addEventListener("pointerdown", (event) => { line = [back(event)]; canvas.setPointerCapture(event.pointerId); });
  canvas.addEventListener("pointermove", (event) => {
    if (event.buttons && line.length) {
      line.push(back(event));
      draw();
      return;
    }
    const found = nearest(event.offsetX, event.offsetY);
    told.textContent = found < 0 ? "" : points.labels[found];
    canvas.style.cursor = found < 0 ? "crosshair" : "pointer";
  });
  canvas.addEventListener("pointerup", (event) => {
    const drawn = line;
    line = [];
    if (drawn.length < 5) { // a click: the image itself
      const found = nearest(event.offsetX, event.offsetY);
      if (found >= 0) location.href = `${base}/images/${encodeURIComponent(points.ids[found])}?${new URLSearchParams({ run })}`;
      draw();
      return;
    }
    const lasso = short(drawn).map(([x, y]) => `${x.toFixed(4)},${y.toFixed(4)}`).join(";");
    location.href = `${base}/images?${new URLSearchParams({ run, by, lasso })}`;
  });
  new ResizeObserver(draw).observe(canvas);
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", explain);
  explain();
  document.documentElement.dataset.drawn = "yes";
}
