"use strict";
// Draws every figure in the colours of the page, makes room for its legend, and saves its picture and its data.
(() => {
  const NARROW = 620; // CSS pixels of a figure below which its legend goes underneath
  const ROLES = /^@(\w+)$/;
  const LIGHT = {}; // roles as they stand on white paper: for saved pictures and print
  const saved = (id) => JSON.parse(document.getElementById(`data-${id}`).textContent);
  const words = JSON.parse(document.body.dataset.words || "{}"); // where the page is not in English
  const say = (text) => words[text] || text;
  const boxes = [...document.querySelectorAll("[data-figure]")];
  // The report carries plotly.js in itself. A page of the server names it, and loads it after the browser has painted the
  // page: reading a megabyte of script takes the better part of a second.
  const { plotly } = document.body.dataset;
  const loaded = () => new Promise((ready, failed) => {
    const script = document.createElement("script");
    script.onload = ready;
    script.onerror = () => failed(new Error("plotly.js"));
    script.src = plotly;
    document.head.append(script);
  });
  const painted = () => new Promise((ready) => {
    new PerformanceObserver(ready).observe({ type: "paint", buffered: true });
    setTimeout(ready, 1000); // a tab in the background is not painted
  });
  const library = plotly ? painted().then(loaded) : Promise.resolve();

  // The light palette is the first :root rule, whatever the reader's preference.
  for (const sheet of document.styleSheets) {
    for (const rule of sheet.cssRules) {
      if (rule.selectorText === ":root" && !LIGHT.paper) {
        for (const name of rule.style) if (name.startsWith("--")) LIGHT[name.slice(2)] = rule.style.getPropertyValue(name).trim();
      }
    }
  }
  const current = () => {
    const style = getComputedStyle(document.documentElement);
    return Object.fromEntries(Object.keys(LIGHT).map((name) => [name, style.getPropertyValue(`--${name}`).trim()]));
  };
  const coloured = (value, roles) => {
    if (typeof value === "string") { const hit = ROLES.exec(value); return hit && roles[hit[1]] ? roles[hit[1]] : value; }
    if (Array.isArray(value)) return value.map((item) => coloured(item, roles));
    if (value && typeof value === "object") return Object.fromEntries(Object.entries(value).map(([k, v]) => [k, coloured(v, roles)]));
    return value;
  };

  const figure = (spec, width, roles) => {
    const { data, layout } = coloured({ data: spec.data, layout: spec.layout }, roles);
    const narrow = width < NARROW;
    const own = narrow ? spec.narrow : {};
    if (own.ticktext) layout.yaxis.ticktext = own.ticktext;
    const tall = own.height || spec.height;
    const axis = { gridcolor: roles.grid, zerolinecolor: roles.muted, linecolor: roles.grid, tickcolor: roles.grid, zeroline: false, automargin: true, nticks: narrow ? 6 : 9 };
    const longest = Math.max(0, ...spec.legend.map((text) => text.replace(/&\w+;/g, "x").length));
    const small = spec.legend.length <= 3 && longest < 22;
    const perRow = small ? 3 : Math.max(1, Math.floor((width - 40) / (longest * 7 + 45)));
    const below = small || narrow || longest * 7 > width / 3 || spec.legend.length * 24 > tall - 60;
    const room = spec.legend.length && below ? 20 * Math.ceil(spec.legend.length / perRow) + 6 : 0;
    const height = tall + (small ? (narrow ? 20 * spec.legend.length : 24) : room);
    const legend = below
      ? { orientation: "h", xref: "container", x: 0, xanchor: "left", yref: "container", y: small ? 1 : 0, yanchor: small ? "top" : "bottom" }
      : { x: 1.02, xanchor: "left", y: 1, yanchor: "top" };
    return {
      data,
      layout: {
        ...layout,
        width, height,
        paper_bgcolor: roles.paper, plot_bgcolor: roles.paper,
        font: { family: roles.sans, size: narrow ? 11 : 12.5, color: roles.ink },
        margin: { l: 48, r: 14, t: small && spec.legend.length ? 34 : 10, b: 44 + (small ? 0 : room) },
        xaxis: { ...axis, ...layout.xaxis, title: { standoff: 8, ...(layout.xaxis || {}).title } },
        yaxis: { ...axis, ...layout.yaxis, title: { standoff: 8, ...(layout.yaxis || {}).title } },
        legend: { ...legend, tracegroupgap: 0, maxheight: below ? 10000 : 1, bgcolor: "rgba(0,0,0,0)", itemsizing: "trace", font: { size: narrow ? 11 : 12 } },
        hoverlabel: { bgcolor: roles.raised, bordercolor: roles.grid, font: { family: roles.sans, color: roles.ink, size: 12 }, align: "left" },
        dragmode: false,
      },
    };
  };

  const fail = (box, error) => {
    box.textContent = "";
    const text = document.createElement("p");
    text.className = "failed";
    text.textContent = say("This figure could not be drawn here ({text}). Its data are still behind the CSV button.").replace("{text}", error);
    box.append(text);
    box.dataset.state = "failed";
  };
  const draw = async (box, roles) => {
    try {
      if (!window.Plotly) await library;
      const width = Math.floor(box.getBoundingClientRect().width);
      if (!width) return;
      const { data, layout } = figure(saved(box.dataset.figure).figure, width, roles);
      box.dataset.width = width;
      box.dataset.paper = roles.paper;
      await Plotly.react(box, data, layout, { displayModeBar: false, responsive: false, scrollZoom: false, doubleClick: "reset" });
      box.dataset.state = "drawn";
    } catch (error) { fail(box, error); }
  };
  // Drawn already, but for another width or theme; a box in what is folded has no width.
  const stale = (box, roles) => {
    const width = Math.floor(box.getBoundingClientRect().width);
    return width && (Math.abs(width - box.dataset.width) > 1 || box.dataset.paper !== roles.paper);
  };
  const seen = new Set(); // boxes in view or close to it
  const redraw = (roles) => Promise.all([...seen].filter((box) => box.dataset.state !== "failed" && (!box.dataset.width || stale(box, roles))).map((box) => draw(box, roles)));

  const download = (name, blob) => {
    const link = document.createElement("a");
    link.href = URL.createObjectURL(blob);
    link.download = name;
    document.body.append(link);
    link.click();
    link.remove();
    setTimeout(() => URL.revokeObjectURL(link.href), 10000);
  };
  document.addEventListener("click", (event) => {
    const button = event.target.closest("button");
    if (!button) return;
    const { csv, svg } = button.dataset;
    // A byte-order mark lets spreadsheets read the names of classes as UTF-8.
    if (csv) download(`${csv}.csv`, new Blob(["\ufeff", saved(csv).csv], { type: "text/csv;charset=utf-8" }));
    if (svg) {
      const spec = saved(svg).figure;
      const width = document.getElementById(`figure-${svg}`).closest(".grid") ? 420 : 860;
      const made = figure(spec, width, LIGHT);
      library
        .then(() => Plotly.toImage(made, { format: "svg", width, height: made.layout.height, imageDataOnly: true }))
        .then((text) => download(`${svg}.svg`, new Blob([text], { type: "image/svg+xml;charset=utf-8" })));
    }
  });

  // A figure is drawn when a reader comes near it, so that a page opens at once however many there are; and again when
  // its box changes width, when the theme changes, and in light colours and the width of a sheet for print.
  let printing = false;
  const near = new IntersectionObserver((entries) => {
    for (const { target, isIntersecting } of entries) isIntersecting ? seen.add(target) : seen.delete(target);
    if (!printing) redraw(current()).then(() => { document.documentElement.dataset.drawn = "yes"; });
  }, { rootMargin: "600px 0px" });
  boxes.forEach((box) => near.observe(box));
  if (!boxes.length) document.documentElement.dataset.drawn = "yes";
  let waiting = 0;
  new ResizeObserver(() => {
    cancelAnimationFrame(waiting);
    waiting = requestAnimationFrame(() => { if (!printing) redraw(current()); });
  }).observe(document.querySelector("main"));
  matchMedia("(prefers-color-scheme: dark)").addEventListener("change", () => { if (!printing) redraw(current()); });
  const folds = () => [...document.querySelectorAll("details")];
  let closed = [];
  addEventListener("beforeprint", () => {
    printing = true;
    closed = folds().filter((fold) => !fold.open);
    closed.forEach((fold) => { fold.open = true; });
    document.documentElement.classList.add("printing");
    boxes.forEach((box) => { if (box.dataset.state !== "failed") draw(box, LIGHT); });
  });
  addEventListener("afterprint", () => {
    printing = false;
    document.documentElement.classList.remove("printing");
    closed.forEach((fold) => { fold.open = false; });
    redraw(current());
  });

  // What a link or an address names is opened, together with all it stands in.
  const reveal = () => {
    const named = document.getElementById(decodeURIComponent(location.hash.slice(1)));
    if (!named) return;
    const own = named.querySelector(":scope > details");
    if (own) own.open = true;
    for (let fold = named.closest("details"); fold; fold = fold.parentElement.closest("details")) fold.open = true;
    named.scrollIntoView();
  };
  addEventListener("hashchange", reveal);
  document.addEventListener("click", (event) => {
    const link = event.target.closest("a[href^='#']");
    if (link && link.hash === location.hash) reveal(); // the same address again changes nothing
    if (event.target.closest("[data-open]")) folds().forEach((fold) => { if (!fold.closest(".gallery")) fold.open = true; });
  });

  // The contents follow the reader.
  const links = new Map([...document.querySelectorAll(".contents a")].map((a) => [a.hash.slice(1), a]));
  const sections = [...links.keys()].map((id) => document.getElementById(id)).filter(Boolean);
  const mark = () => {
    const past = sections.filter((s) => s.getBoundingClientRect().top < innerHeight / 3);
    const here = (past.at(-1) || sections[0]).id;
    for (const [id, a] of links) id === here ? a.setAttribute("aria-current", "true") : a.removeAttribute("aria-current");
    const list = links.get(here).closest("ol"); // a scrolling line on narrow screens
    if (list.scrollWidth > list.clientWidth) list.scrollLeft = links.get(here).offsetLeft - 24;
  };
  if (sections.length) { // the local page has none
    addEventListener("scroll", mark, { passive: true });
    mark();
  }
  if (location.hash) reveal();
})();
