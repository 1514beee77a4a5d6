// A 5 x 7 dot font: five columns a glyph, the lowest bit is the top dot.

const GLYPHS = {
  " ": "0000000000", "!": "00005f0000", "#": "147f147f14", "$": "242a7f2a12", "%": "2313086462", "&": "3649562050",
  "(": "001c224100", ")": "0041221c00", "*": "2a1c7f1c2a", "+": "08083e0808", ",": "0080703000", "-": "0808080808",
  ".": "0000606000", "/": "2010080402", ":": "0000360000", "=": "1414141414", "?": "0201590906", "^": "0402010204",
  "_": "4040404040",
  0: "3e5149453e", 1: "00427f4000", 2: "7249494946", 3: "2141494d33", 4: "1814127f10",
  5: "2745454539", 6: "3c4a494931", 7: "4121110907", 8: "3649494936", 9: "464949291e",
  A: "7c1211127c", B: "7f49494936", C: "3e41414122", D: "7f4141413e", E: "7f49494941", F: "7f09090901", G: "3e41415173",
  H: "7f0808087f", I: "00417f4100", J: "2040413f01", K: "7f08142241", L: "7f40404040", M: "7f021c027f", N: "7f0408107f",
  O: "3e4141413e", P: "7f09090906", Q: "3e4151215e", R: "7f09192946", S: "2649494932", T: "03017f0103", U: "3f4040403f",
  V: "1f2040201f", W: "3f4038403f", X: "6314081463", Y: "0304780403", Z: "6159494d43",
  "▲": "20383e3820", "▼": "020e3e0e02", "–": "0008080800",
};

// The columns of a text, with one blank column after each glyph; a blank and a full stop are narrow.
export function columns(text) {
  const out = [];
  for (const letter of text.toUpperCase()) {
    const glyph = GLYPHS[letter] ?? GLYPHS["?"];
    const bits = glyph.match(/../g).map((pair) => parseInt(pair, 16));
    if (letter === " ") out.push(0, 0, 0);
    else if (letter === "." || letter === ",") out.push(...bits.filter((column) => column !== 0), 0);
    else out.push(...bits, 0);
  }
  return out;
}
