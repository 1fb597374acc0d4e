// Reads {library, expressions: [text], contexts: [object]} as JSON from standard input and prints, for each context, what
// GitHub's own evaluator makes of each expression.
import { readFileSync } from "node:fs";

const { library, expressions, contexts } = JSON.parse(readFileSync(0, "utf8"));
const { Evaluator, Lexer, Parser } = await import(`${library}/dist/index.js`);
const { reviver } = await import(`${library}/dist/data/reviver.js`);

const evaluated = (text, context) => {
  const { tokens } = new Lexer(text).lex();
  const parsed = new Parser(tokens, Object.keys(context), []).parse();
  return new Evaluator(parsed, JSON.parse(JSON.stringify(context), reviver)).evaluate().coerceString();
};
console.log(JSON.stringify(contexts.map((context) => expressions.map((text) => evaluated(text, context)))));
