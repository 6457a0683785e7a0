/** What a shell reads once; at each Tab it asks the program itself, so that it never knows another tree than the program has. */
export const SHELLS = ["bash", "zsh", "fish"] as const;
export type Shell = (typeof SHELLS)[number];

export const COMPLETION_SCRIPTS: { readonly [S in Shell]: string } = {
  bash: `# tollhouse completion for bash: eval "$(tollhouse completion bash)" in ~/.bashrc
_tollhouse() {
  local IFS=$'\\n'
  COMPREPLY=($(tollhouse __complete bash -- "\${COMP_WORDS[@]:1:COMP_CWORD}" 2>/dev/null))
}
complete -o default -F _tollhouse tollhouse`,
  zsh: `#compdef tollhouse
# tollhouse completion for zsh: eval "$(tollhouse completion zsh)" in ~/.zshrc, after compinit
_tollhouse() {
  local -a found
  found=("\${(@f)$(tollhouse __complete zsh -- "\${(@)words[2,CURRENT]}" 2>/dev/null)}")
  if [[ -n "$found" ]]; then _describe tollhouse found; else _files; fi
}
compdef _tollhouse tollhouse`,
  fish: `# tollhouse completion for fish: tollhouse completion fish > ~/.config/fish/completions/tollhouse.fish
complete -c tollhouse -f -a '(tollhouse __complete fish -- (commandline -opc)[2..-1] (commandline -ct))'`,
};

/** A line as this shell takes it: zsh has what it does behind a colon, fish behind a tab, bash nothing. */
export function candidateLine(shell: Shell, { word, what }: { readonly word: string; readonly what: string }): string {
  const short = what.replaceAll(/\s+/g, " ");
  if (shell === "bash" || short === "") return word;
  return shell === "zsh" ? `${word.replaceAll(":", "\\:")}:${short}` : `${word}\t${short}`;
}
