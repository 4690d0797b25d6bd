/// SplitMix64: small, seeded, the same everywhere.
struct SeededGenerator: RandomNumberGenerator {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func next() -> UInt64 {
        state &+= 0x9E37_79B9_7F4A_7C15
        var z = state
        z = (z ^ (z &>> 30)) &* 0xBF58_476D_1CE4_E5B9
        z = (z ^ (z &>> 27)) &* 0x94D0_49BB_1331_11EB
        return z ^ (z &>> 31)
    }
}

/// Makes inputs that are almost XML out of a corpus.
struct Mutator {
    private let corpus: [[UInt8]]
    private var random: SeededGenerator

    init(corpus: [[UInt8]], seed: UInt64) {
        self.corpus = corpus
        random = SeededGenerator(seed: seed)
    }

    /// Longest input made.
    private static let longest = 2000

    private static let fragments: [[UInt8]] =
        [
            "<", ">", "/", "/>", "</", "'", "\"", "=", "&", ";", "#", " ", "\n", "\r", "\r\n", "\t", ":", "!", "?", "-",
            ".", "]",
            "]]>", "]]", "<![CDATA[", "<!--", "-->", "<?", "?>", "<!DOCTYPE ", "&lt;", "&gt;", "&amp;", "&apos;",
            "&quot;",
            "&#", "&#x", "&#65;", "&#x41;", "&#0;", "&#xD800;", "&#x10FFFF;", "&#x110000;", "&foo;", "xmlns",
            "xmlns=''",
            " xmlns='urn:x'", " xmlns:p='urn:x'", " xmlns:q='urn:x'", " xmlns:p=''", " xmlns:p='urn:&#120;'", "p:",
            "q:", "xml:",
            "xmlns:", "stream:", "db:", " p:a='1'", " q:a='2'", " stream:a='3'", " xml:lang='en'", "<p:a", "</p:a>",
            "<a>", "</a>",
            "<a/>", "<b ", " a='b'", " a=\"b\"", "</stream:stream>", "http://www.w3.org/2000/xmlns/",
            "http://www.w3.org/XML/1998/namespace", "http://etherx.jabber.org/streams", "é", "名", "😀", "\u{B7}",
            "\u{300}",
            "\u{D7}", "\u{FEFF}", "\u{FFFD}", "\u{FFFE}", "\u{FFFF}", "\u{0}", "\u{1}", "\u{7F}", "\u{80}", "1", "_",
            "aaaaaaaaaaaaaaaa",
        ].map { Array($0.utf8) } + [
            [0x80], [0xC0, 0x80], [0xC3], [0xE2, 0x82], [0xED, 0xA0, 0x80], [0xF0, 0x9F], [0xF4, 0x90, 0x80, 0x80],
            [0xFF],
        ]

    mutating func nextInput() -> [UInt8] {
        var input = pick(corpus)
        let rounds = 1 + Int(random.next() % 4)
        for _ in 0..<rounds { mutate(&input) }
        if input.count > Self.longest { input.removeLast(input.count - Self.longest) }
        return input
    }

    /// Ascending offsets at which to cut an input: none, few, or every byte.
    mutating func cuts(for count: Int) -> [Int] {
        guard count > 1 else { return [] }
        switch random.next() % 8 {
        case 0: return Array(1..<count)
        case 1: return []
        default:
            let number = 1 + Int(random.next() % 6)
            return (0..<number).map { _ in 1 + below(count - 1) }.sorted()
        }
    }

    private mutating func mutate(_ input: inout [UInt8]) {
        guard !input.isEmpty else {
            input = pick(Self.fragments)
            return
        }
        let at = below(input.count)
        let length = min(input.count - at, 1 + below(random.next() % 4 == 0 ? 40 : 4))
        switch random.next() % 10 {
        case 0: input[at] ^= 1 << UInt8(random.next() % 8)
        case 1: input[at] = UInt8(truncatingIfNeeded: random.next())
        case 2, 3, 4: input.insert(contentsOf: pick(Self.fragments), at: at)
        case 5: input.replaceSubrange(at..<(at + length), with: pick(Self.fragments))
        case 6: input.removeSubrange(at..<(at + length))
        case 7: input.insert(contentsOf: Array(input[at..<(at + length)]), at: below(input.count))
        case 8:
            let other = pick(corpus)
            let from = below(max(other.count, 1))
            let end = min(other.count, from + 1 + below(60))
            if from < end { input.insert(contentsOf: other[from..<end], at: at) }
        default: input.append(contentsOf: pick(corpus))
        }
    }

    private mutating func below(_ bound: Int) -> Int { Int(random.next() % UInt64(bound)) }

    private mutating func pick(_ choices: [[UInt8]]) -> [UInt8] { choices[below(choices.count)] }
}
