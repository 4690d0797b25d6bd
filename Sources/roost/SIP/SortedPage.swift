/// The first entries of something large and unordered, in the order of their keys: what one page shows.
///
/// Keys are compared as bytes. Only what may be on the page is made into an entry.
struct SortedPage<Item> {
    private let after: [UInt8]?
    private let limit: Int
    private(set) var items: [(key: [UInt8], item: Item)] = []
    /// All that was offered, of other pages too.
    private(set) var total = 0

    /// - Parameters:
    ///   - after: the key that this page begins behind; nil for the first page.
    ///   - limit: entries of the page; one more is kept, which tells that there is another page.
    init(after: String?, limit: Int) {
        self.after = after.map { Array($0.utf8) }
        self.limit = limit
    }

    /// Whether nothing that begins with `prefix` has a place on the page any more.
    func isBeyond(_ prefix: [UInt8]) -> Bool {
        if items.count > limit, let last = items.last, !last.key.starts(with: prefix) {
            return last.key.lexicographicallyPrecedes(prefix)
        }
        return false
    }

    /// Counts what is not offered.
    mutating func skip(_ count: Int) { total += count }

    mutating func offer(_ key: [UInt8], _ item: @autoclosure () -> Item) {
        total += 1
        if let after, !after.lexicographicallyPrecedes(key) { return }
        if items.count > limit, let last = items.last, !key.lexicographicallyPrecedes(last.key) { return }
        var (low, high) = (0, items.count)
        while low < high {
            let middle = (low + high) / 2
            if items[middle].key.lexicographicallyPrecedes(key) { low = middle + 1 } else { high = middle }
        }
        items.insert((key, item()), at: low)
        if items.count > limit + 1 { items.removeLast() }
    }
}

/// Looks for a text in bytes without regard to case of ASCII letters.
struct FoldedText {
    private let text: [UInt8]

    init?(_ text: String?) {
        guard let text, !text.isEmpty else { return nil }
        self.text = text.utf8.map(Self.fold)
    }

    func isIn(_ bytes: UnsafeRawBufferPointer) -> Bool {
        guard bytes.count >= text.count else { return false }
        search: for start in 0...(bytes.count - text.count) {
            for (offset, wanted) in text.enumerated() where Self.fold(bytes[start + offset]) != wanted {
                continue search
            }
            return true
        }
        return false
    }

    func isIn(_ text: String) -> Bool { Array(text.utf8).withUnsafeBytes { isIn($0) } }

    private static func fold(_ byte: UInt8) -> UInt8 { byte &- 0x41 < 26 ? byte | 0x20 : byte }
}
