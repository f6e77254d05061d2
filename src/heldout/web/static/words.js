// What scripts say, in the language of the page: it stands in the page where that is not English.
const words = JSON.parse(document.body.dataset.words ?? "{}");

export const say = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);

// A script may have changed the address since the page came: back to where the reader is now.
for (const link of document.querySelectorAll(".languages a")) {
  link.addEventListener("click", () => {
    const to = new URL(link.href);
    to.searchParams.set("back", location.href.slice(location.origin.length + document.body.dataset.base.length));
    link.href = to;
  });
}
