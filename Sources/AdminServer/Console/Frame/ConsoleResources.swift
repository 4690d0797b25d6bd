import HTTPTypes

/// The files of the console, compiled into the binary. A new page is a template here and a line in this table.
enum ConsoleResources {
    /// Name of the template, which is also its name as a partial, and its Mustache text.
    static let templates: [String: [UInt8]] = [
        "administrators": PackageResources.administrators_mustache,
        "api_page": PackageResources.api_page_mustache,
        "audit": PackageResources.audit_mustache,
        "bottom": PackageResources.bottom_mustache,
        "certificates": PackageResources.certificates_mustache,
        "dashboard": PackageResources.dashboard_mustache,
        "explain": PackageResources.explain_mustache,
        "failure": PackageResources.failure_mustache,
        "form": PackageResources.form_mustache,
        "head": PackageResources.head_mustache,
        "job": PackageResources.job_mustache,
        "job_table": PackageResources.job_table_mustache,
        "jobs": PackageResources.jobs_mustache,
        "logs": PackageResources.logs_mustache,
        "lone_bottom": PackageResources.lone_bottom_mustache,
        "lone_top": PackageResources.lone_top_mustache,
        "mark": PackageResources.mark_mustache,
        "pager": PackageResources.pager_mustache,
        "search": PackageResources.search_mustache,
        "services": PackageResources.services_mustache,
        "session_table": PackageResources.session_table_mustache,
        "sessions": PackageResources.sessions_mustache,
        "setting": PackageResources.setting_mustache,
        "settings_group": PackageResources.settings_group_mustache,
        "settings_history": PackageResources.settings_history_mustache,
        "settings_overview": PackageResources.settings_overview_mustache,
        "settings_review": PackageResources.settings_review_mustache,
        "settings_tabs": PackageResources.settings_tabs_mustache,
        "setup": PackageResources.setup_mustache,
        "signin": PackageResources.signin_mustache,
        "sip": PackageResources.sip_mustache,
        "sip_contacts": PackageResources.sip_contacts_mustache,
        "sip_subscriptions": PackageResources.sip_subscriptions_mustache,
        "top": PackageResources.top_mustache,
        "trace": PackageResources.trace_mustache,
        "troubleshooter": PackageResources.troubleshooter_mustache,
        "trunks": PackageResources.trunks_mustache,
        "user": PackageResources.user_mustache,
        "users": PackageResources.users_mustache,
    ]

    /// Catalogues of texts by language. English is complete; the others fall back to it.
    static let texts: [String: [UInt8]] = ["en": PackageResources.en_json, "ja": PackageResources.ja_json]

    struct Asset: Sendable {
        let type: String
        let bytes: [UInt8]
    }

    /// Files that pages refer to.
    static let assets: [String: Asset] = [
        "console.css": Asset(type: "text/css; charset=utf-8", bytes: PackageResources.console_css),
        "console.js": Asset(type: "text/javascript; charset=utf-8", bytes: PackageResources.console_js),
        "favicon.svg": Asset(type: "image/svg+xml", bytes: PackageResources.favicon_svg),
        "icons.svg": Asset(type: "image/svg+xml", bytes: PackageResources.icons_svg),
    ]
}
