// What came of the review: has the labels counted, and shows the page again when they are.
import { say } from "./words.js";
import { get, post, trouble } from "./posting.js";

const button = document.getElementById("count");
const counted = document.getElementById("counted");

const follow = async () => {
  const now = await get("review/count.json");
  if (now.state === "running") {
    button.disabled = true;
    counted.textContent = now.total ? say("{n} of {n2} runs are diagnosed …", { n: now.done, n2: now.total }) : say("Beginning …");
    setTimeout(() => follow().catch(trouble), 500);
  } else if (now.state === "failed") {
    button.disabled = false;
    counted.textContent = "";
    trouble(new Error(now.error));
  } else location.reload();
};

button?.addEventListener("click", async () => {
  trouble(null);
  try { await post("review/count", {}); await follow(); } catch (error) { trouble(error); }
});
if (document.getElementById("changes")?.dataset.state === "running") follow().catch(trouble);
