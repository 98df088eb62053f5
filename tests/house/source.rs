//! A source file as tokens: enough of Rust's grammar to know comments, strings, modules, test
//! code and macros apart.

use super::File;

/// A word, a `::`, a string (as `"`) or one character of punctuation.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Token {
    pub(super) text: String,
    /// Counted from 1.
    pub(super) line: usize,
    /// Inside an item under `#[cfg(test)]`.
    pub(super) test: bool,
    /// Inside the delimiters of a macro, its definition or its call.
    pub(super) in_macro: bool,
    /// The inline modules around it, outermost first.
    pub(super) inline: Vec<String>,
}

impl Token {
    pub(super) fn is_word(&self) -> bool {
        self.text
            .starts_with(|c: char| c.is_alphabetic() || c == '_')
    }
}

/// A file and its tokens.
#[derive(Debug)]
pub(super) struct Source {
    pub(super) path: String,
    pub(super) text: String,
    pub(super) tokens: Vec<Token>,
}

impl Source {
    pub(super) fn read(file: &File) -> Self {
        let mut tokens = tokens(&file.text);
        mark(&mut tokens);
        if only_tests(&file.path) {
            for token in &mut tokens {
                token.test = true;
            }
        }
        Self {
            path: file.path.clone(),
            text: file.text.clone(),
            tokens,
        }
    }

    /// The path of the module that the file is: `src/a/b.rs` → `a, b`; the crate's root → none.
    pub(super) fn module(&self) -> Vec<String> {
        let path = self.path.trim_start_matches("src/").trim_end_matches(".rs");
        path.split('/')
            .filter(|part| !["mod", "lib", "main"].contains(part))
            .map(str::to_owned)
            .collect()
    }

    pub(super) fn word(&self, at: usize) -> &str {
        self.tokens.get(at).map_or("", |token| &token.text)
    }
}

/// Whether the file at `path` is one that its parent declares under `#[cfg(test)]`, by its name.
pub(super) fn only_tests(path: &str) -> bool {
    path.ends_with("/tests.rs") || path.contains("/tests/")
}

fn tokens(text: &str) -> Vec<Token> {
    let mut scanner = Scanner {
        chars: text.chars().collect(),
        at: 0,
        line: 1,
        found: Vec::new(),
    };
    while scanner.peek(0).is_some() {
        scanner.step();
    }
    scanner.found
}

struct Scanner {
    chars: Vec<char>,
    at: usize,
    line: usize,
    found: Vec<Token>,
}

impl Scanner {
    fn peek(&self, ahead: usize) -> Option<char> {
        self.chars.get(self.at + ahead).copied()
    }

    fn take(&mut self) -> Option<char> {
        let taken = self.peek(0);
        self.at += 1;
        self.line += usize::from(taken == Some('\n'));
        taken
    }

    fn push(&mut self, text: impl Into<String>, line: usize) {
        self.found.push(Token {
            text: text.into(),
            line,
            test: false,
            in_macro: false,
            inline: Vec::new(),
        });
    }

    fn step(&mut self) {
        match (self.peek(0), self.peek(1)) {
            (Some('/'), Some('/')) => {
                while self.peek(0).is_some_and(|c| c != '\n') {
                    self.take();
                }
            }
            (Some('/'), Some('*')) => self.block_comment(),
            (Some('"'), _) => self.string(),
            (Some('\''), _) => self.quote(),
            (Some(':'), Some(':')) => {
                self.push("::", self.line);
                self.at += 2;
            }
            (Some(c), _) if c.is_alphanumeric() || c == '_' => self.word(),
            (Some(c), _) if c.is_whitespace() => {
                self.take();
            }
            (Some(c), _) => {
                self.push(c, self.line);
                self.take();
            }
            (None, _) => {}
        }
    }

    fn block_comment(&mut self) {
        let mut depth = 0;
        while self.peek(0).is_some() {
            match (self.peek(0), self.peek(1)) {
                (Some('/'), Some('*')) => depth += 1,
                (Some('*'), Some('/')) => depth -= 1,
                _ => {
                    self.take();
                    continue;
                }
            }
            self.at += 2;
            if depth == 0 {
                return;
            }
        }
    }

    fn string(&mut self) {
        self.push("\"", self.line);
        self.take();
        loop {
            match self.take() {
                Some('\\') => {
                    self.take();
                }
                Some('"') | None => return,
                Some(_) => {}
            }
        }
    }

    fn raw_string(&mut self, hashes: usize) {
        self.push("\"", self.line);
        self.at += hashes + 1;
        while let Some(c) = self.take() {
            if c == '"' && (0..hashes).all(|ahead| self.peek(ahead) == Some('#')) {
                self.at += hashes;
                return;
            }
        }
    }

    /// A character or a lifetime; both leave no token.
    fn quote(&mut self) {
        self.take();
        if self.peek(0) == Some('\\') {
            self.at += 2;
            while self.take().is_some_and(|c| c != '\'') {}
        } else if self.peek(1) == Some('\'') {
            self.at += 2;
        } else {
            while self
                .peek(0)
                .is_some_and(|c| c.is_alphanumeric() || c == '_')
            {
                self.at += 1;
            }
        }
    }

    fn word(&mut self) {
        let mut word = String::new();
        while let Some(c) = self.peek(0).filter(|c| c.is_alphanumeric() || *c == '_') {
            word.push(c);
            self.at += 1;
        }
        let rest = self.chars.get(self.at..).unwrap_or_default();
        let hashes = rest.iter().take_while(|c| **c == '#').count();
        let opens = self.peek(hashes) == Some('"');
        match word.as_str() {
            "r" | "br" | "cr" if opens => self.raw_string(hashes),
            "b" | "c" if hashes == 0 && opens => self.string(),
            "b" if self.peek(0) == Some('\'') => self.quote(),
            "r" if hashes == 1 => self.at += 1,
            _ => self.push(word, self.line),
        }
    }
}

struct Block {
    module: Option<String>,
    test: bool,
    is_macro: bool,
}

/// Fills in what stands around each token.
fn mark(tokens: &mut [Token]) {
    let texts: Vec<String> = tokens.iter().map(|token| token.text.clone()).collect();
    let text = |at: Option<usize>| at.and_then(|at| texts.get(at)).map_or("", String::as_str);
    let mut stack: Vec<Block> = Vec::new();
    let mut pending_test = false;
    for (at, token) in tokens.iter_mut().enumerate() {
        if is_test_attribute(&texts, at) {
            pending_test = true;
        }
        if matches!(token.text.as_str(), "}" | ")" | "]") {
            stack.pop();
        }
        token.test = pending_test || stack.iter().any(|block| block.test);
        token.in_macro = stack.iter().any(|block| block.is_macro);
        token.inline = stack.iter().filter_map(|b| b.module.clone()).collect();
        match token.text.as_str() {
            ";" => pending_test = false,
            open @ ("{" | "(" | "[") => {
                let brace = open == "{";
                let named = brace && text(at.checked_sub(2)) == "mod";
                stack.push(Block {
                    module: named.then(|| text(at.checked_sub(1)).to_owned()),
                    test: brace && std::mem::take(&mut pending_test),
                    is_macro: opens_macro(&texts, at),
                });
            }
            _ => {}
        }
    }
}

/// Whether `#[cfg(test)]`, or a `cfg` that needs `test` among others, starts at `at`.
fn is_test_attribute(texts: &[String], at: usize) -> bool {
    let starts = ["#", "[", "cfg", "("]
        .iter()
        .enumerate()
        .all(|(offset, text)| texts.get(at + offset).is_some_and(|t| t == text));
    let mut inside = texts.iter().skip(at).take_while(|text| *text != "]");
    starts && inside.clone().any(|text| text == "test") && inside.all(|text| text != "not")
}

/// Whether the delimiter at `at` follows `name!` or `macro_rules! name`.
fn opens_macro(texts: &[String], at: usize) -> bool {
    const KEYWORDS: [&str; 9] = [
        "if", "while", "match", "return", "in", "else", "break", "move", "let",
    ];
    let back = |n: usize| {
        at.checked_sub(n)
            .and_then(|at| texts.get(at))
            .map_or("", String::as_str)
    };
    let is_name = |text: &str| {
        text.starts_with(|c: char| c.is_alphabetic() || c == '_') && !KEYWORDS.contains(&text)
    };
    (back(1) == "!" && is_name(back(2))) || (back(2) == "!" && back(3) == "macro_rules")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn words(text: &str) -> Vec<String> {
        tokens(text).into_iter().map(|token| token.text).collect()
    }

    #[test]
    fn comments_strings_and_lifetimes_leave_no_words() {
        let text = r##"a /* b /* c */ d */ "e \" f" r#"g " h"# b"i" '\'' 'j' &'k l // m"##;
        assert_eq!(words(text), ["a", "\"", "\"", "\"", "&", "l"]);
    }

    #[test]
    fn lines_are_counted_through_strings_and_comments() {
        let found = tokens("/*\n*/ \"\n\" x\ny r\"\n\" z");
        let lines: Vec<_> = found
            .iter()
            .filter(|t| t.is_word())
            .map(|t| t.line)
            .collect();
        assert_eq!(lines, [3, 4, 5]);
    }

    #[test]
    fn test_code_macros_and_inline_modules_are_known() {
        let file = super::super::File {
            path: "src/a/b.rs".into(),
            text: "fn p() { if !(q) {} } vec![r]; #[cfg(test)] mod t { mod u { s } } v".into(),
        };
        let source = Source::read(&file);
        let of = |text: &str| source.tokens.iter().find(|t| t.text == text).unwrap();
        assert_eq!(source.module(), ["a", "b"]);
        assert!(!of("q").in_macro && of("r").in_macro);
        assert!(of("s").test && !of("v").test && !of("p").test);
        assert_eq!(of("s").inline, ["t", "u"]);
    }
}
