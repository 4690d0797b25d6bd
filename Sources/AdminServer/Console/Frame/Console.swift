import Foundation
import Ground
import HTTPTypes
import Hummingbird
import Logging
import Synchronization

/// The web console: pages for administrators, rendered by the server.
///
/// Every page asks the operations of the administration interface, so roles, checks and audit are those of the API.
public struct Console: AdminPages {
    private let textsFolder: String?

    /// - Parameter textsFolder: folder of more languages, files such as `fr.json` with texts of the console (see
    ///   docs/console.md); read once. It need not exist.
    public init(textsFolder: String? = nil) {
        self.textsFolder = textsFolder
    }

    public func add(to router: Router<AdminRequestContext>, admin: AdminInterface) {
        let texts = ConsoleTexts(folder: textsFolder) { admin.logger.warning("\($0)") }
        let site: ConsoleSite
        do {
            site = try ConsoleSite(admin: admin, renderer: ConsoleRenderer(texts: texts))
        } catch {
            // A mistake in a template, which the tests find; the API goes on without pages.
            admin.logger.error("the console has no pages", metadata: ["error": "\(error)"])
            return
        }
        let routes = ConsoleRoutes(site: site, router: router)
        routes.addFiles()
        DashboardPages.add(to: routes)
        SignInPages.add(to: routes)
        SetupPages.add(to: routes)
        UserPages.add(to: routes)
        SessionPages.add(to: routes)
        SIPPages.add(to: routes)
        TrunkPages.add(to: routes)
        SettingsPages.add(to: routes)
        AdministratorPages.add(to: routes)
        AuditPages.add(to: routes)
        APIPages.add(to: routes)
        TroubleshooterPages.add(to: routes)
        ServicePages.add(to: routes)
        CertificatePages.add(to: routes)
        LogPages.add(to: routes)
        TracePages.add(to: routes)
        JobPages.add(to: routes)
        ExplainPages.add(to: routes)
        SearchPages.add(to: routes)
        routes.addFallback()
    }
}

/// What all requests to the console share.
final class ConsoleSite: Sendable {
    let admin: AdminInterface
    let renderer: ConsoleRenderer
    let measurements: ConsoleMeasurements
    /// Path of the assets; it changes with their content, so browsers may keep them for ever.
    let assets: String
    private let notices = Mutex<[String: [ConsoleNotice]]>([:])

    init(admin: AdminInterface, renderer: ConsoleRenderer) {
        self.admin = admin
        self.renderer = renderer
        measurements = ConsoleMeasurements(admin: admin)
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for (name, asset) in ConsoleResources.assets.sorted(by: { $0.key < $1.key }) {
            for byte in name.utf8 { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
            for byte in asset.bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        }
        assets = ConsolePath.root + "/assets/" + String(hash, radix: 36)
    }

    var texts: ConsoleTexts { renderer.texts }

    /// Keeps a notice for the next page of a session. At most a few wait; sessions that never come back lose theirs.
    func tell(_ notice: ConsoleNotice, to session: String) {
        notices.withLock { waiting in
            if waiting.count > 1_000 { waiting.removeAll() }
            waiting[session, default: []].append(notice)
            if waiting[session]!.count > 20 { waiting[session]!.removeFirst() }
        }
    }

    func takeNotices(of session: String) -> [ConsoleNotice] {
        notices.withLock { $0.removeValue(forKey: session) ?? [] }
    }

    func mayPerform(_ operation: String, _ principal: AdminPrincipal) -> Bool {
        admin.operations.contains { $0.name == operation && principal.mayPerform($0) }
    }
}
