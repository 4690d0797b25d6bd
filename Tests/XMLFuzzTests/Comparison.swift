@testable import XMLWire

/// Decides whether two verdicts on one input agree, allowing for the differences that are meant.
enum Comparison {
    /// nil when they agree, else what is wrong.
    static func disagreement(ours: Verdict, expat: Verdict, input: [UInt8]) -> String? {
        if isNameOfFifthEdition(expat, input) {
            // Expat keeps the name characters of XML 1.0's fourth edition; ours are the fifth edition's.
            return ours.elements.starts(with: expat.elements) ? nil : "elements before an unusual name"
        }
        guard ours.elements == expat.elements else { return "elements" }
        guard ours.isClosed == expat.isClosed else { return "end of the stream" }
        switch (ours.refusal, expat.refusal) {
        case (nil, nil): return nil
        case (nil, _?): return "only Expat refuses"
        case (let refusal?, let other):
            if refusal == other { return nil }
            if ours.reason == "character reference is too long" { return nil }
            let fault = ScannerRun.faultOffset(in: input)
            guard let other else {
                // Expat judges whole tokens: it may still wait for the end of the one that holds our fault.
                return expat.position <= fault ? nil : "Expat passes what is refused"
            }
            // Of two faults in one tag each may name its own, and Expat's may be the `<` that breaks the tag off; a
            // forbidden construct may also be malformed inside.
            let start = tokenStart(fault, input)
            if start == tokenStart(expat.position, input) || start == tokenStart(expat.position - 1, input) {
                return nil
            }
            if refusal == .restricted, ours.reason != "entity reference", fault <= expat.position { return nil }
            return "refusals differ: \(refusal), \(other)"
        }
    }

    /// The last `<` at or before `offset`.
    private static func tokenStart(_ offset: Int, _ input: [UInt8]) -> Int {
        input[..<max(0, min(offset + 1, input.count))].lastIndex(of: 0x3C) ?? -1
    }

    private static func isNameOfFifthEdition(_ expat: Verdict, _ input: [UInt8]) -> Bool {
        guard expat.refusal == .notWellFormed, input.indices.contains(expat.position), input[expat.position] >= 0x80
        else {
            return false
        }
        return input.withUnsafeBufferPointer { bytes in
            guard let p = bytes.baseAddress, let length = try? Lexeme.multibyte(p, expat.position, bytes.count),
                length > 0
            else { return false }
            return Lexeme.isNameCharacter(Lexeme.scalar(p, expat.position, length: length))
        }
    }
}
