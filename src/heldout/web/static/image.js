// One image: the arrow keys lead to the image before and after in the gallery that it was opened from.
document.addEventListener("keydown", (event) => {
  if (event.target.closest("input, select, textarea, summary, [tabindex='0']")) return;
  const link = { ArrowLeft: "before", ArrowRight: "after" }[event.key];
  if (link) document.getElementById(link)?.click();
});
