import Testing

@testable import IMCore

@Suite("Search for people")
struct SearchStoreTests {
    @Test(
        "patterns match anywhere; only the asterisk is a wildcard",
        arguments: [("Bob", "%bob%"), ("b*b", "%b%b%"), ("50%_!", "%50!%!_!!%"), ("ÜNAL", "%ünal%")])
    func pattern(_ text: String, _ expected: String) { #expect(SearchStore.pattern(text) == expected) }
}
