"""The compiler: a loop's text, read as a syntax tree and written in LLVM's language, becomes machine code."""
