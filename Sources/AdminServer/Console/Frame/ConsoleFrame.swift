/// What every page has around its content: `c` in templates.
struct ConsoleFrame: Sendable {
    var language: String
    /// `auto`, `light` or `dark`.
    var theme: String
    var title: String
    var lead: String?
    /// Names that other products have for the page.
    var alias: String?
    var crumb: Link?
    /// Buttons at the head of the page.
    var actions: [Link] = []
    var notices: [ConsoleNotice] = []
    var navigation: [NavigationGroup] = []
    var languages: [Choice] = []
    var themes: [Choice] = []
    var account: Account?
    /// Hidden fields that every form has, as HTML.
    var form = ""
    /// Path and query of this page, where forms return to.
    var path = ""
    var query = ""
    var domain = ""
    var version = ""
    var root = ConsolePath.root
    var assets = ""

    struct Link: Sendable {
        var title: String
        var href: String?
        var icon: String?
        var isPrimary = false
    }

    struct NavigationGroup: Sendable {
        var id: String
        var title: String
        var hasTitle: Bool
        var items: [NavigationItem]
    }

    struct NavigationItem: Sendable {
        var title: String
        var href: String
        var icon: String
        var isCurrent: Bool
    }

    struct Choice: Sendable {
        var code: String
        var name: String
        var icon: String
        var isCurrent: Bool
    }

    struct Account: Sendable {
        var name: String
        var role: String
    }
}

/// One line at the top of the next page, after an action.
struct ConsoleNotice: Sendable, Equatable {
    enum Kind: String, Sendable { case good, warn, bad }

    var kind: String
    var icon: String
    /// ARIA role: problems interrupt, successes do not.
    var role: String
    var text: String
    var href: String?
    var link: String?

    init(_ kind: Kind, _ text: String, href: String? = nil, link: String? = nil) {
        self.kind = kind.rawValue
        icon = kind == .good ? "check" : "warning"
        role = kind == .good ? "status" : "alert"
        self.text = text
        self.href = href
        self.link = link
    }
}

/// A page that is ready to be rendered.
struct ConsolePage: Sendable {
    var template: String
    var title: String
    /// Which entry of the navigation is current; nil for none.
    var section: ConsoleSection?
    var lead: String?
    var alias: String?
    var crumb: ConsoleFrame.Link?
    var actions: [ConsoleFrame.Link] = []
    var notices: [ConsoleNotice] = []
    var status = 200
    var model: any Sendable

    init(_ template: String, title: String, section: ConsoleSection? = nil, model: any Sendable = EmptyModel()) {
        self.template = template
        self.title = title
        self.section = section
        self.model = model
    }
}

/// A page that shows nothing but texts.
struct EmptyModel: Sendable {}
