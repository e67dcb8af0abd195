/* The same request in other tongues: text to copy, made of the address and the row that the form holds. */
export type Value = string | number | boolean | null;
export type Row = Readonly<Record<string, Value>>;

export function curl(address: string, row: Row): string {
  const body = JSON.stringify({ dataframe_records: [row] });
  return `curl -s ${shell(address)} \\\n  -H 'content-type: application/json' \\\n  -d ${shell(body)}`;
}

export function python(address: string, row: Row): string {
  const fields = Object.entries(row).map(([name, value]) => `    ${JSON.stringify(name)}: ${pythonOf(value)},\n`);
  return [
    "import json",
    "from urllib.request import Request, urlopen",
    "",
    `row = {\n${fields.join("")}}`,
    `body = json.dumps({"dataframe_records": [row]}).encode()`,
    `request = Request(${JSON.stringify(address)}, body, {"Content-Type": "application/json"})`,
    "print(json.load(urlopen(request)))",
  ].join("\n");
}

export function javascript(address: string, row: Row): string {
  return [
    `const row = ${JSON.stringify(row, null, 2)};`,
    `const answer = await fetch(${JSON.stringify(address)}, {`,
    `  method: "POST",`,
    `  headers: { "content-type": "application/json" },`,
    `  body: JSON.stringify({ dataframe_records: [row] }),`,
    "});",
    "console.log(await answer.json());",
  ].join("\n");
}

/** One word of a shell, whatever stands in it. */
function shell(text: string): string {
  return `'${text.replaceAll("'", `'\\''`)}'`;
}

function pythonOf(value: Value): string {
  if (value === null) return "None";
  if (typeof value === "boolean") return value ? "True" : "False";
  return JSON.stringify(value);
}
