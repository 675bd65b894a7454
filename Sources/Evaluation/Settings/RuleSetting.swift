/// A setting of rules: its name, its form, its default and its meaning, declared beside the check that reads it.
public final class RuleSetting<Value: Sendable>: RuleSettingDeclaration {
    /// Its name, form, default and meaning.
    public let setting: Setting
    let defaultValue: Value
    fileprivate let id: RuleSettingID

    /// Declares a setting.
    ///
    /// - Parameters:
    ///   - name: The variable's name.
    ///   - form: The form of its values.
    ///   - defaultValue: The value if the variable is not set.
    ///   - meaning: The meaning, for help and documentation.
    package init(_ name: String, _ form: SettingForm<Value>, default defaultValue: Value, _ meaning: String) {
        let id = RuleSettingID()
        self.id = id
        self.defaultValue = defaultValue
        setting = Setting(
            name: name, topic: .rules, form: form.text, defaultText: form.written(defaultValue), meaning: meaning
        ) { (text, settings) throws(Misplaced) in
            settings.ruleValues.set(SettingBox(try form.read(text, settings.catalogue)), id)
        }
    }
}

/// A setting of rules, of any type.
public protocol RuleSettingDeclaration: Sendable {
    /// Its name, form, default and meaning.
    var setting: Setting { get }
}

extension Settings {
    /// The value of a rule's setting.
    package subscript<Value>(setting: RuleSetting<Value>) -> Value { ruleValues[setting] }
}

/// The values of rules' settings that are set; few are, so they are searched.
struct RuleValues: Sendable {
    private var entries: [(id: RuleSettingID, box: AnySettingBox)] = []

    subscript<Value>(setting: RuleSetting<Value>) -> Value {
        for entry in entries where entry.id === setting.id {
            // Only the setting itself has its id, and it puts nothing but a box of its values there.
            return unsafeDowncast(entry.box, to: SettingBox<Value>.self).value
        }
        return setting.defaultValue
    }

    fileprivate mutating func set(_ box: AnySettingBox, _ id: RuleSettingID) {
        entries.removeAll { $0.id === id }
        entries.append((id, box))
    }
}

/// The identity of a setting.
private final class RuleSettingID: Sendable {}

/// A value of a rule's setting, of any type.
///
/// Unchecked: it never changes.
private class AnySettingBox: @unchecked Sendable {}

private final class SettingBox<Value: Sendable>: AnySettingBox, @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// The settings of rules, each declared beside the check that reads it.
package enum RuleSettings {}
