// The start of a review: a name, and off to the images.
import { base, post, trouble } from "./posting.js";

document.getElementById("join")?.addEventListener("submit", async (event) => {
  event.preventDefault();
  const name = new FormData(event.target).get("name");
  const role = event.submitter?.value ?? "reader";
  try {
    const { reader } = await post("review/join", { name, role });
    location.assign(`${base}/review/reading?reader=${reader}`);
  } catch (error) { trouble(error); }
});
