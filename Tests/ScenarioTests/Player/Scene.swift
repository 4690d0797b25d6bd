import Foundation

/// Why a scene failed, in words for its reader.
struct SceneFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// One scene of a file: a title and what happens, line by line.
///
/// A file holds any number of scenes, each beginning with `scene TITLE`. A statement begins in the first column;
/// indented lines continue it. `#` in the first column begins a comment. The statements are explained in README.md.
struct Scene: Sendable, CustomStringConvertible {
    struct Statement: Sendable {
        var line: Int
        var text: String
    }

    /// Path below the folder of scenes, without extension.
    var file: String
    var path: String
    var title: String
    var line: Int
    var statements: [Statement]

    var description: String { "\(file): \(title)" }

    /// - Throws: `SceneFailure` for text that belongs to no scene.
    static func parse(_ text: String, file: String, path: String) throws -> [Scene] {
        var scenes: [Scene] = []
        for (index, raw) in text.split(separator: "\n", omittingEmptySubsequences: false).enumerated() {
            let line = String(raw)
            let content = line.trimmingCharacters(in: .whitespaces)
            if content.isEmpty || line.hasPrefix("#") { continue }
            if line.hasPrefix("scene ") {
                let title = line.dropFirst(6).trimmingCharacters(in: .whitespaces)
                scenes.append(Scene(file: file, path: path, title: title, line: index + 1, statements: []))
                continue
            }
            guard let last = scenes.indices.last else {
                throw SceneFailure("\(file):\(index + 1): no scene begins here")
            }
            if line.first == " " || line.first == "\t" {
                guard let previous = scenes[last].statements.indices.last else {
                    throw SceneFailure("\(file):\(index + 1): nothing to continue")
                }
                scenes[last].statements[previous].text += "\n" + content
            } else {
                scenes[last].statements.append(Statement(line: index + 1, text: content))
            }
        }
        return scenes
    }

    /// Every scene in the folder beside the tests, in the order of the file names.
    static func all(in folder: String) throws -> [Scene] {
        let files = (FileManager.default.enumerator(atPath: folder)?.allObjects as? [String] ?? [])
            .filter { $0.hasSuffix(".scene") }.sorted()
        return try files.flatMap { file in
            let path = folder + "/" + file
            return try parse(String(contentsOfFile: path, encoding: .utf8), file: String(file.dropLast(6)), path: path)
        }
    }
}
