import Foundation
import Testing

/// Every scene of `scenes/`, each against a server of its own.
@Suite("Scenes", .serialized)
struct SceneTests {
    static let folder = URL(fileURLWithPath: #filePath).deletingLastPathComponent().appendingPathComponent("scenes")
        .path

    /// All of them, or those whose file or title contains the text in the environment variable `SCENES`.
    static func chosen() throws -> [Scene] {
        let wanted = ProcessInfo.processInfo.environment["SCENES"] ?? ""
        return try Scene.all(in: folder).filter { wanted.isEmpty || $0.description.contains(wanted) }
    }

    @Test("every scene goes as written", arguments: try chosen())
    func play(_ scene: Scene) async {
        let failure = await Self.failure(of: scene)
        if let failure {
            Issue.record(
                Comment(rawValue: failure),
                sourceLocation: SourceLocation(
                    fileID: "ScenarioTests/\(scene.file).scene", filePath: scene.path, line: scene.line, column: 1))
        }
    }

    @Test("there are scenes") func isNotEmpty() throws {
        #expect(try Scene.all(in: Self.folder).count >= 15)
    }

    /// Plays a scene on a thread that may wait; nil when it goes as written.
    static func failure(of scene: Scene) async -> String? {
        await Waiting.onThread {
            do {
                try ScenePlayer(scene).play()
                return nil
            } catch {
                return "\(error)"
            }
        }
    }
}
