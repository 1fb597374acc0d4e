// Reads {root, files: {uri: text}} as JSON from standard input and prints {uri: [message]}: what GitHub's own language
// service says of each workflow and action. Actions and reusable workflows of this project are looked up below root.
import { readFileSync } from "node:fs";
import { join } from "node:path";
import { registerLogger, validate } from "@actions/languageservice";
import { TextDocument } from "vscode-languageserver-textdocument";
import { parse } from "yaml";

const { root, ours, files } = JSON.parse(readFileSync(0, "utf8"));

const below = (path) => readFileSync(join(root, path), "utf8");
const isOurs = (ref) => `${ref.owner}/${ref.name ?? ref.repository}` === ours;
const config = {
  actionsMetadataProvider: {
    fetchActionMetadata: async (ref) => (isOurs(ref) ? parse(below(join(ref.path ?? "", "action.yml"))) : undefined),
  },
  fileProvider: {
    getFileContent: async (ref) => {
      const path = ref.path ?? "";
      if ("owner" in ref && !isOurs(ref)) throw new Error(`not of this project: ${ref.owner}/${ref.repository}`);
      return { name: path, content: below(path) };
    },
  },
};

// The service keeps a failure of its own to itself; here it is a finding like any other.
let failures = [];
registerLogger({ error: (text) => failures.push(text), warn: () => {}, info: () => {}, log: () => {} });

const found = {};
for (const [uri, text] of Object.entries(files)) {
  failures = [];
  const diagnostics = await validate(TextDocument.create(`file://${uri}`, "yaml", 1, text), config);
  // What other projects publish cannot be looked up here, and the service says so; that is no finding.
  const known = (one) => !one.message.startsWith("Unable to resolve action") || one.message.includes(`\`${ours}`);
  found[uri] = [...diagnostics.filter(known).map((one) => `${one.range.start.line + 1}: ${one.message}`), ...failures];
}
process.stdout.write(JSON.stringify(found));
