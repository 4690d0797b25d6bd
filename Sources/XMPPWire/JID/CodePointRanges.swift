/// A set of code points as inclusive ranges, in ascending order, flattened: first, last, first, last …
struct CodePointRanges: Sendable {
    private let bounds: [UInt32]

    init(_ bounds: [UInt32]) {
        self.bounds = bounds
    }

    func contains(_ scalar: Unicode.Scalar) -> Bool {
        let value = scalar.value
        var low = 0
        var high = bounds.count / 2
        while low < high {
            let middle = (low + high) / 2
            if value > bounds[2 * middle + 1] {
                low = middle + 1
            } else if value < bounds[2 * middle] {
                high = middle
            } else {
                return true
            }
        }
        return false
    }
}
