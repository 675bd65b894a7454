import Evaluation
import Foundation
import Rules
import Testing

/// Settings with lists, maps and patterns: cases that the tests of rules do not cover.
@Suite struct SettingTests {
    @Test func `by default, both ports listen on all IPv4 and IPv6 addresses`() throws {
        let settings = try Settings(environment: [:])
        #expect(settings.listen == ":8443")
        #expect(settings.healthListen == ":8080")
    }

    @Test(
        arguments: [
            ("PLAYBOOK_DNS_ZONES", "superinc.dev, a b.example", "at character 15, expected a domain"),
            ("PLAYBOOK_DNS_ZONES", "*.superinc.dev", "at character 1, expected a domain"),
            ("PLAYBOOK_DNS_ZONES", "superinc.dev,superinc..dev", "at character 14, expected a domain"),
            ("PLAYBOOK_ROOT_ZONES", "https://superinc.dev", "at character 1, expected a domain"),
            ("PLAYBOOK_BASE_NODE_TAINTS", "CriticalAddonsOnly,dedicated=a=b", "at character 20, expected a taint"),
            ("PLAYBOOK_BASE_NODE_TAINTS", "dedicated=base:Never", "at character 1, expected a taint"),
            ("PLAYBOOK_BASE_NODE_LABELS", "role=base, =x", "at character 12, expected a label"),
            ("PLAYBOOK_LIVENESS_PATHS", "/livez, healthz", "at character 9, expected a path"),
            ("PLAYBOOK_READINESS_PATHS", "readyz", "at character 1, expected a path"),
            (
                "PLAYBOOK_PLATFORM_NAMESPACES", "-foo",
                "at character 2, expected an entry of the default; `playbook config` lists them"
            ),
            ("PLAYBOOK_PLATFORM_NAMESPACES", "-monitorin", "an entry of the default; did you mean \"monitoring\"?"),
            (
                "PLAYBOOK_OPERATOR_ACCOUNTS", "PLAYBOOK_OPERATOR_ACCOUNTS=system:serviceaccount:ops:kafka",
                #"the value repeats the name; set only what is after "=""#
            ),
            (
                "PLAYBOOK_EXEMPT", "replicas@shop/Deployment/x: old; foo@shop/*/*: y",
                "at character 34, expected an entry"
            ),
            ("PLAYBOOK_EXEMPT", ";replicas@shop/Deployment/x:", "at character 2, expected an entry"),
        ] as [(String, String, String)])
    func `an error names the position of the invalid entry`(_ name: String, _ text: String, _ place: String) {
        let error = #expect(throws: SettingsError.self) { try Settings(environment: [name: text]) }
        #expect(error?.description.contains(place) == true, "\(error?.description ?? "")")
    }

    @Test func `domains are normalized as in DNS`() throws {
        let settings = try Settings(environment: ["PLAYBOOK_DNS_ZONES": " SuperInc.dev., ,staging.superinc.com"])
        #expect(settings[RuleSettings.dnsZones].map(\.description) == ["superinc.dev", "staging.superinc.com"])
        #expect(try Settings(environment: ["PLAYBOOK_DNS_ZONES": ""])[RuleSettings.dnsZones].isEmpty)
    }

    @Test func `a list that extends its default removes entries with a leading hyphen`() throws {
        let (argo, other, flux) = (
            "system:serviceaccount:argocd:*", "system:serviceaccount:argo-cd:*", "system:serviceaccount:flux-system:*"
        )
        for (text, deployers) in [
            (nil, [argo, other, flux]), ("", [argo, other, flux]), ("ci, \(argo)", [argo, other, flux, "ci"]),
            ("-\(other),ci,-\(flux)", [argo, "ci"]), ("ci,-\(argo),-\(other),-\(flux)", ["ci"]),
        ] as [(String?, [String])] {
            let environment = text.map { ["PLAYBOOK_DEPLOYERS": $0] } ?? [:]
            #expect(try Settings(environment: environment).deployers == deployers)
        }
    }

    @Test(arguments: ChangedDefault.all)
    func `a changed default is that of the setting, and the page Upgrading lists it`(_ change: ChangedDefault) throws {
        let setting = try #require(Catalogue.playbook.settings.first { $0.name == change.setting })
        if change.setting != "PLAYBOOK_TRUSTED_CONTROLLERS" { #expect(setting.defaultText == change.now) }
        let page = URL(filePath: #filePath).deletingLastPathComponent().appending(path: "../../docs/upgrading.md")
        let rows = try String(contentsOf: page, encoding: .utf8).split(separator: "\n").filter { $0.hasPrefix("|") }
        #expect(rows.contains { $0.contains("`\(change.setting)`") && $0.contains(change.before) })
    }
}
