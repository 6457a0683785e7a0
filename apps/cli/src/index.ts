export { count, measured, money, time } from "./terminal/amounts.ts";
export { cutText, plain, table, widthOf, type Column } from "./terminal/table.ts";
