/// Punycode (RFC 3492) for one label, without the prefix `xn--`. Parameters are those of §5.
enum Punycode {
    private static let base = 36
    private static let tMin = 1
    private static let tMax = 26
    private static let skew = 38
    private static let damp = 700
    private static let initialBias = 72
    private static let initialN = 0x80
    /// Far above any label; keeps all arithmetic below clear of overflow.
    private static let maximumLength = 256

    /// - Parameter encoded: lower case ASCII, at most 256 code points.
    /// - Returns: nil when the text is not Punycode (RFC 3492 §6.2).
    static func decode(_ encoded: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard encoded.count <= maximumLength, encoded.allSatisfy(\.isASCII) else { return nil }
        var output: [Unicode.Scalar] = []
        var position = 0
        // With nothing before it, the hyphen is no delimiter, and no digit either.
        if let delimiter = encoded.lastIndex(of: "-"), delimiter > 0 {
            output = Array(encoded[..<delimiter])
            position = delimiter + 1
        }
        var n = initialN
        var index = 0
        var bias = initialBias
        while position < encoded.count {
            let oldIndex = index
            var weight = 1
            var k = base
            while true {
                guard position < encoded.count, let digit = digit(of: encoded[position]) else { return nil }
                position += 1
                let step = digit.multipliedReportingOverflow(by: weight)
                let sum = index.addingReportingOverflow(step.partialValue)
                guard !step.overflow, !sum.overflow else { return nil }
                index = sum.partialValue
                let threshold = min(max(k - bias, tMin), tMax)
                if digit < threshold { break }
                let next = weight.multipliedReportingOverflow(by: base - threshold)
                guard !next.overflow else { return nil }
                weight = next.partialValue
                k += base
            }
            let count = output.count + 1
            bias = adapt(delta: index - oldIndex, count: count, isFirst: oldIndex == 0)
            let advance = n.addingReportingOverflow(index / count)
            guard !advance.overflow, let value = UInt32(exactly: advance.partialValue),
                let scalar = Unicode.Scalar(value)
            else { return nil }
            n = advance.partialValue
            index %= count
            output.insert(scalar, at: index)
            index += 1
        }
        return output
    }

    /// - Parameter label: at most 256 code points.
    /// - Returns: lower case ASCII, or nil when the label is too long (RFC 3492 §6.3).
    static func encode(_ label: [Unicode.Scalar]) -> [Unicode.Scalar]? {
        guard label.count <= maximumLength else { return nil }
        var output = label.filter(\.isASCII)
        let basicCount = output.count
        var handled = basicCount
        if basicCount > 0 { output.append("-") }
        var n = initialN
        var delta = 0
        var bias = initialBias
        while handled < label.count {
            // With at most 256 code points below 0x110000, delta stays under 2^30.
            guard let next = label.lazy.map({ Int($0.value) }).filter({ $0 >= n }).min() else { return nil }
            delta += (next - n) * (handled + 1)
            n = next
            for scalar in label {
                let value = Int(scalar.value)
                if value < n { delta += 1 }
                guard value == n else { continue }
                appendVariableLength(delta, bias: bias, to: &output)
                bias = adapt(delta: delta, count: handled + 1, isFirst: handled == basicCount)
                delta = 0
                handled += 1
            }
            delta += 1
            n += 1
        }
        return output
    }

    private static func appendVariableLength(_ delta: Int, bias: Int, to output: inout [Unicode.Scalar]) {
        var rest = delta
        var k = base
        while true {
            let threshold = min(max(k - bias, tMin), tMax)
            if rest < threshold { break }
            output.append(character(of: threshold + (rest - threshold) % (base - threshold)))
            rest = (rest - threshold) / (base - threshold)
            k += base
        }
        output.append(character(of: rest))
    }

    private static func adapt(delta: Int, count: Int, isFirst: Bool) -> Int {
        var delta = isFirst ? delta / damp : delta / 2
        delta += delta / count
        var k = 0
        while delta > (base - tMin) * tMax / 2 {
            delta /= base - tMin
            k += base
        }
        return k + (base - tMin + 1) * delta / (delta + skew)
    }

    private static func digit(of scalar: Unicode.Scalar) -> Int? {
        switch scalar {
        case "a"..."z": Int(scalar.value - 0x61)
        case "0"..."9": Int(scalar.value - 0x30) + 26
        default: nil
        }
    }

    /// - Parameter digit: 0 … 35.
    private static func character(of digit: Int) -> Unicode.Scalar {
        Unicode.Scalar(UInt8(truncatingIfNeeded: digit < 26 ? digit + 0x61 : digit - 26 + 0x30))
    }
}
