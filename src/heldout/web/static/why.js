// Another run is shown as soon as it is chosen.
for (const select of document.querySelectorAll("select.go")) select.addEventListener("change", () => select.form.submit());
