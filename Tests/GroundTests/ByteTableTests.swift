import Ground
import Testing

@Suite("Byte table")
struct ByteTableTests {
    @Test("what was put in is found by raw bytes, what was not is not")
    func lookup() {
        var table = ByteTable<Int>()
        for value in 0..<1_000 { table[Array("user\(value)@example.org".utf8)] = value }
        #expect(table.count == 1_000)
        for value in 0..<1_000 {
            #expect(Array("user\(value)@example.org".utf8).withUnsafeBytes { table[$0] } == value)
        }
        #expect(table[Array("user1000@example.org".utf8)] == nil)
        #expect(table[[]] == nil)
    }

    @Test("after removals in any order the rest is still found")
    func removal() {
        var generator = SystemRandomNumberGenerator()
        var table = ByteTable<Int>()
        var model: [Int: Int] = [:]
        for _ in 0..<20_000 {
            let key = Int.random(in: 0..<300, using: &generator)
            let bytes = Array("k\(key)".utf8)
            if Bool.random(using: &generator) {
                table[bytes] = key
                model[key] = key
            } else {
                table[bytes] = nil
                model[key] = nil
            }
        }
        #expect(table.count == model.count)
        for key in 0..<300 { #expect(table[Array("k\(key)".utf8)] == model[key]) }
        #expect(Set(table.values) == Set(model.values))
    }

    @Test("setting a key again replaces the value")
    func replacement() {
        var table = ByteTable<String>()
        table[[1, 2]] = "a"
        table[[1, 2]] = "b"
        #expect(table.count == 1)
        #expect(table[[1, 2]] == "b")
    }
}
