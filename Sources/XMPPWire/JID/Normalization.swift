/// Normalization form C (Unicode standard annex 15), by Unicode 17 and the combining classes of the standard library.
///
/// The standard library normalizes when it compares strings but has no public function for it, and Foundation follows
/// an older Unicode and leaves some sequences uncomposed.
enum Normalization {
    /// - Returns: the canonical composition. Scalars below U+0300 come back as they are: all of them are stable.
    static func composed(_ scalars: [Unicode.Scalar]) -> [Unicode.Scalar] {
        guard scalars.contains(where: { $0.value >= 0x300 }) else { return scalars }
        var decomposed: [Marked] = []
        decomposed.reserveCapacity(scalars.count * 2)
        for scalar in scalars { decompose(scalar.value, into: &decomposed) }
        reorder(&decomposed)
        return compose(decomposed)
    }

    /// A code point and its canonical combining class.
    private struct Marked {
        var value: UInt32
        var combiningClass: UInt8

        init(_ value: UInt32) {
            self.value = value
            combiningClass = Unicode.Scalar(value)?.properties.canonicalCombiningClass.rawValue ?? 0
        }
    }

    // MARK: Decomposition

    /// Recursion ends: no chain of mappings is longer than four.
    private static func decompose(_ value: UInt32, into output: inout [Marked]) {
        if value < 0xC0 {
            output.append(Marked(value))
        } else if let syllable = Hangul.decomposed(value) {
            output += syllable.map(Marked.init)
        } else if let row = row(of: value, in: CanonicalPairs.all, width: 3) {
            decompose(CanonicalPairs.all[row + 1], into: &output)
            decompose(CanonicalPairs.all[row + 2], into: &output)
        } else if let row = row(of: value, in: CanonicalReplacements.single, width: 2) {
            decompose(CanonicalReplacements.single[row + 1], into: &output)
        } else if let expansion = CanonicalReplacements.expanded[value] {
            output += expansion.map(Marked.init)
        } else {
            output.append(Marked(value))
        }
    }

    /// Binary search in a table of rows that begin with their key.
    ///
    /// - Returns: index of the key in the table.
    private static func row(of key: UInt32, in table: [UInt32], width: Int) -> Int? {
        var low = 0
        var high = table.count / width
        while low < high {
            let middle = (low + high) / 2
            let found = table[middle * width]
            if found == key { return middle * width }
            if found < key { low = middle + 1 } else { high = middle }
        }
        return nil
    }

    /// Canonical ordering: marks between two starters stand in the order of their classes, else as they came.
    private static func reorder(_ text: inout [Marked]) {
        var start = 0
        while start < text.count {
            guard text[start].combiningClass != 0 else {
                start += 1
                continue
            }
            var end = start
            while end < text.count, text[end].combiningClass != 0 { end += 1 }
            if end - start > 1 {
                // Sorting by class and place keeps equal classes in order.
                let run = text[start..<end].enumerated()
                    .sorted { ($0.element.combiningClass, $0.offset) < ($1.element.combiningClass, $1.offset) }
                text.replaceSubrange(start..<end, with: run.map(\.element))
            }
            start = end
        }
    }

    // MARK: Composition

    private static func compose(_ text: [Marked]) -> [Unicode.Scalar] {
        var output: [UInt32] = []
        output.reserveCapacity(text.count)
        var starter: Int?
        var lastClass: UInt8 = 0
        for mark in text {
            if let place = starter {
                // Blocked by anything after the starter that does not stand lower (D115).
                let isAdjacent = place == output.count - 1
                let isBlocked = !isAdjacent && (lastClass == 0 || lastClass >= mark.combiningClass)
                if !isBlocked, let joined = join(output[place], mark.value) {
                    output[place] = joined
                    continue
                }
            }
            output.append(mark.value)
            lastClass = mark.combiningClass
            if mark.combiningClass == 0 { starter = output.count - 1 }
        }
        return output.compactMap(Unicode.Scalar.init)
    }

    private static func join(_ first: UInt32, _ second: UInt32) -> UInt32? {
        Hangul.joined(first, second) ?? composites[UInt64(first) << 32 | UInt64(second)]
    }

    private static let composites: [UInt64: UInt32] = {
        let table = CanonicalPairs.all
        var found: [UInt64: UInt32] = [:]
        found.reserveCapacity(table.count / 3)
        for row in stride(from: 0, to: table.count - 2, by: 3) {
            found[UInt64(table[row + 1]) << 32 | UInt64(table[row + 2])] = table[row]
        }
        return found
    }()
}

/// Hangul syllables by arithmetic (Unicode standard §3.12).
private enum Hangul {
    private static let leading: ClosedRange<UInt32> = 0x1100...0x1112
    private static let vowels: ClosedRange<UInt32> = 0x1161...0x1175
    private static let trailing: ClosedRange<UInt32> = 0x11A8...0x11C2
    private static let syllables: ClosedRange<UInt32> = 0xAC00...0xD7A3
    /// Syllables with one leading consonant and one vowel: one without trailing consonant and 27 with.
    private static let trailingForms: UInt32 = 28

    static func decomposed(_ value: UInt32) -> [UInt32]? {
        guard syllables.contains(value) else { return nil }
        let index = value - syllables.lowerBound
        let pair = index / trailingForms
        let vowelForms = UInt32(vowels.count)
        let parts = [leading.lowerBound + pair / vowelForms, vowels.lowerBound + pair % vowelForms]
        let tail = index % trailingForms
        return tail == 0 ? parts : parts + [trailing.lowerBound + tail - 1]
    }

    static func joined(_ first: UInt32, _ second: UInt32) -> UInt32? {
        if leading.contains(first), vowels.contains(second) {
            let pair = (first - leading.lowerBound) * UInt32(vowels.count) + (second - vowels.lowerBound)
            return syllables.lowerBound + pair * trailingForms
        }
        if syllables.contains(first), (first - syllables.lowerBound) % trailingForms == 0, trailing.contains(second) {
            return first + (second - trailing.lowerBound) + 1
        }
        return nil
    }
}
