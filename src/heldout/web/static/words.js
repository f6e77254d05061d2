// What scripts say, in the language of the page: it stands in the page where that is not English.
const words = JSON.parse(document.body.dataset.words ?? "{}");

export const say = (text, values = {}) => (words[text] ?? text).replace(/\{(\w+)\}/g, (_, name) => values[name]);
