"use strict";
// Click on a head: sort by it; again: the other way round. Rows without a value stay last.
for (const table of document.querySelectorAll("table.sortable")) {
  const heads = [...table.tHead.rows[0].cells];
  heads.forEach((head, place) => {
    const button = document.createElement("button");
    button.type = "button";
    button.append(...head.childNodes);
    head.append(button);
    button.addEventListener("click", () => {
      const numeric = head.classList.contains("number");
      const direction = head.getAttribute("aria-sort") === (numeric ? "descending" : "ascending") ? -1 : 1;
      const sign = numeric ? -direction : direction;
      const key = (row) => numeric ? row.cells[place].dataset.sort : row.cells[place].textContent;
      const body = table.tBodies[0];
      const rows = [...body.rows].sort((a, b) => {
        const [x, y] = [key(a), key(b)];
        if (x === undefined || y === undefined) return (x === undefined) - (y === undefined);
        return sign * (numeric ? Number(x.replace("inf", "Infinity")) - Number(y.replace("inf", "Infinity")) || 0 : x.localeCompare(y, "en", {numeric: true}));
      });
      body.append(...rows);
      heads.forEach((other) => other.removeAttribute("aria-sort"));
      head.setAttribute("aria-sort", sign > 0 ? "ascending" : "descending");
    });
  });
}
// What is folded is printed too.
addEventListener("beforeprint", () => document.querySelectorAll("details").forEach((fold) => { fold.open = true; }));
// A link into a folded table opens it.
const reveal = () => document.getElementById(location.hash.slice(1))?.closest("details")?.setAttribute("open", "");
addEventListener("hashchange", reveal);
reveal();
