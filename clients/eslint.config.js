import js from "@eslint/js";
import globals from "globals";

const noMarkup = "Write data with textContent; markup from data is how a page is taken over.";

/** @type {import("eslint").Linter.Config[]} */
export default [
  { ignores: ["web/vendor/", "web/built/", "python/", "node_modules/"] },
  js.configs.recommended,
  {
    files: ["web/**/*.js"],
    languageOptions: { ecmaVersion: 2023, sourceType: "module", globals: globals.browser },
    rules: {
      curly: ["error", "multi-line"],
      eqeqeq: ["error", "always", { null: "ignore" }],
      "no-console": "error",
      "no-eval": "error",
      "no-implied-eval": "error",
      "no-new-func": "error",
      "no-var": "error",
      "prefer-const": "error",
      "no-restricted-properties": [
        "error",
        { property: "innerHTML", message: noMarkup },
        { property: "outerHTML", message: noMarkup },
        { property: "insertAdjacentHTML", message: noMarkup },
        { object: "document", property: "write", message: noMarkup },
      ],
    },
  },
];
