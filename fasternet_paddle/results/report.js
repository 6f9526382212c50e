// What the page does: its language, tables sorted by a click on a column, the matrix in another order, and what a
// cell of it says. Everything that is shown lies in the page already; nothing is fetched.
"use strict";

const root = document.documentElement;
const inLanguage = (zh, en) => (root.lang === "zh" ? zh : en);

function speak(language) {
  root.lang = language;
  for (const option of document.querySelectorAll("option[data-zh]")) {
    option.textContent = option.dataset[language];
  }
}

function sortTable(button) {
  const header = button.closest("th");
  const body = button.closest("table").tBodies[0];
  const numbers = button.dataset.kind === "number";
  // The first click puts numbers from the largest on, names from the first on; the next one turns the order round.
  const was = header.getAttribute("aria-sort");
  const direction = was === null ? (numbers ? "descending" : "ascending") : was === "ascending" ? "descending" : "ascending";
  const sign = direction === "ascending" ? 1 : -1;
  const compare = comparison(numbers);
  const rows = [...body.rows].sort((a, b) => sign * compare(a.cells[header.cellIndex], b.cells[header.cellIndex]));
  for (const other of header.parentNode.cells) other.removeAttribute("aria-sort");
  header.setAttribute("aria-sort", direction);
  body.append(...rows);
}

function comparison(numbers) {
  if (numbers) return (a, b) => Number(a.dataset.value) - Number(b.dataset.value);
  const collator = new Intl.Collator(root.lang, { numeric: true });
  return (a, b) => collator.compare(a.textContent, b.textContent);
}

function orderMatrix(matrix, given, key) {
  const rows = [...given];
  if (key === "class") {
    const collator = new Intl.Collator(root.lang, { numeric: true });
    rows.sort((a, b) => collator.compare(a.row.dataset.class, b.row.dataset.class));
  } else if (key !== "as_given") {
    const sign = key === "recall" ? 1 : -1; // the weakest first, or the largest
    rows.sort((a, b) => sign * (Number(a.row.dataset[key]) - Number(b.row.dataset[key])));
  }
  matrix.tHead.rows[0].append(...rows.map((each) => each.head));
  for (const each of rows) each.row.append(...rows.map((other) => each.cells[other.place]));
  matrix.tBodies[0].append(...rows.map((each) => each.row));
}

function sayCell(matrix, cell, said) {
  for (const lit of matrix.querySelectorAll(".on, .lit")) lit.classList.remove("on", "lit");
  const row = cell.parentNode;
  const head = matrix.tHead.rows[0].cells[cell.cellIndex];
  for (const each of [row.cells[0], head]) each.classList.add("lit");
  cell.classList.add("on");
  const count = Number(cell.textContent || 0);
  const images = Number(row.dataset.images);
  const share = images ? ` (${((100 * count) / images).toFixed(1)} %)` : "";
  const [truth, answer] = [row.dataset.class, head.title];
  said.textContent = inLanguage(
    `真实类别“${truth}”，预测为“${answer}”：${count} / ${images} 张${share}`,
    `true “${truth}”, predicted “${answer}”: ${count} of ${images} images${share}`,
  );
}

for (const button of document.querySelectorAll(".sortable th button")) {
  button.addEventListener("click", () => sortTable(button));
}
document.querySelector("button.language").addEventListener("click", () => speak(inLanguage("en", "zh")));
speak((navigator.language || "en").toLowerCase().startsWith("zh") ? "zh" : "en");

const matrix = document.getElementById("matrix");
if (matrix) {
  const heads = [...matrix.tHead.rows[0].cells].slice(1);
  const given = [...matrix.tBodies[0].rows].map((row, place) => {
    return { row, place, head: heads[place], cells: [...row.cells].slice(1) };
  });
  const order = document.getElementById("matrix-order");
  order.addEventListener("change", () => orderMatrix(matrix, given, order.value));
  const said = document.getElementById("matrix-said");
  matrix.addEventListener("mouseover", (event) => {
    const cell = event.target.closest("td");
    if (cell) sayCell(matrix, cell, said);
  });
}
