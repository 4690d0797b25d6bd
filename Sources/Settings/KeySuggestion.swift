/// Finds the key that a mistyped key most likely meant.
enum KeySuggestion {
    /// - Returns: the candidate with the smallest edit distance, nil when none is near (more than a third of the
    ///   letters differ) or the key is absurdly long.
    static func nearest(to key: String, among candidates: [String]) -> String? {
        let typed = Array(key.lowercased().utf8)
        guard !typed.isEmpty, typed.count <= 64 else { return nil }
        var best: (key: String, distance: Int)?
        for candidate in candidates {
            let distance = distance(typed, Array(candidate.utf8))
            if distance <= max(1, candidate.utf8.count / 3), distance < best?.distance ?? .max {
                best = (candidate, distance)
            }
        }
        return best?.key
    }

    /// Optimal string alignment: insertions, deletions, replacements and swaps of neighbours each cost 1.
    static func distance(_ left: [UInt8], _ right: [UInt8]) -> Int {
        guard !left.isEmpty, !right.isEmpty else { return max(left.count, right.count) }
        var beforePrevious = [Int](repeating: 0, count: right.count + 1)
        var previous = Array(0...right.count)
        for i in 1...left.count {
            var current = [Int](repeating: i, count: right.count + 1)
            for j in 1...right.count {
                let replacement = previous[j - 1] + (left[i - 1] == right[j - 1] ? 0 : 1)
                current[j] = min(previous[j] + 1, current[j - 1] + 1, replacement)
                if i > 1, j > 1, left[i - 1] == right[j - 2], left[i - 2] == right[j - 1] {
                    current[j] = min(current[j], beforePrevious[j - 2] + 1)
                }
            }
            (beforePrevious, previous) = (previous, current)
        }
        return previous[right.count]
    }
}
