// Material sets Mermaid up as it likes. On a narrow screen a diagram keeps its size and is moved (pages.css): shrunk, nobody could read it.
const { initialize } = mermaid;
const useMaxWidth = matchMedia('(min-width: 60em)').matches;
mermaid.initialize = ({ flowchart, sequence, ...settings }) =>
  initialize({ ...settings, flowchart: { ...flowchart, useMaxWidth }, sequence: { ...sequence, useMaxWidth } });
