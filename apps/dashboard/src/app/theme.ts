import { createTheme, type CSSVariablesResolver, type MantineColorsTuple } from "@mantine/core";

/** Of the gate's green; the shades that carry text keep 4.5 : 1 on white and on the dark body. */
const toll: MantineColorsTuple = [
  "#e9f8f3",
  "#d6ede5",
  "#abdac9",
  "#7dc7ac",
  "#57b693",
  "#3fac84",
  "#2c8f6b",
  "#1f7a5a",
  "#136a4c",
  "#00543a",
];

/** Mantine's, a shade darker where a button carries white text: 4.5 : 1 in the dark too. */
const red: MantineColorsTuple = [
  "#fff5f5",
  "#ffe3e3",
  "#ffc9c9",
  "#ffa8a8",
  "#ff8787",
  "#ff6b6b",
  "#fa5252",
  "#d92d2d",
  "#c92a2a",
  "#b02525",
];

export const theme = createTheme({
  primaryColor: "toll",
  primaryShade: { light: 8, dark: 7 },
  colors: { red, toll },
  defaultRadius: "sm",
  cursorType: "pointer",
  respectReducedMotion: true,
  headings: { fontWeight: "600" },
  // Its button has a cross and no name.
  components: { Notification: { defaultProps: { closeButtonProps: { "aria-label": "Close" } } } },
});

/** The library's own dimmed text has 3.3 : 1 on white and 4.0 : 1 on the dark body: too little to be read by everybody; so are its errors. */
export const cssVariables: CSSVariablesResolver = () => ({
  variables: {},
  light: {
    "--mantine-color-dimmed": "#5c636a",
    "--mantine-color-placeholder": "#6b7278",
    "--mantine-color-error": "#c92a2a",
  },
  dark: {
    "--mantine-color-dimmed": "#a6a7ab",
    "--mantine-color-placeholder": "#909296",
    "--mantine-color-error": "#ff8787",
  },
});
