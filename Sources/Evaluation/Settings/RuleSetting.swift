import Languages

/// A setting of rules, declared beside the check that reads it.
public final class RuleSetting<Value: Sendable>: RuleSettingDeclaration {
    /// The name, form, default and meaning of the setting.
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

/// A setting of rules with a value of any type.
public protocol RuleSettingDeclaration: Sendable {
    /// The name, form, default and meaning of the setting.
    var setting: Setting { get }
}

extension Settings {
    /// The value of a rule's setting.
    package subscript<Value>(setting: RuleSetting<Value>) -> Value { ruleValues[setting] }
}

/// The values of rules' settings that are set; lookups search the list, since it is short.
struct RuleValues: Sendable {
    private var entries: [(id: RuleSettingID, box: AnySettingBox)] = []

    subscript<Value>(setting: RuleSetting<Value>) -> Value {
        for entry in entries where entry.id === setting.id {
            // Each id belongs to one setting, and `set` stores only values of that setting's type.
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
/// Unchecked because it is immutable.
private class AnySettingBox: @unchecked Sendable {}

private final class SettingBox<Value: Sendable>: AnySettingBox, @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

/// The settings of rules, each declared beside the check that reads it.
package enum RuleSettings {}
