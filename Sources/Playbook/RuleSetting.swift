import Synchronization

/// A setting of rules: its name, its form, its default and its meaning, declared beside the check that reads it.
public final class RuleSetting<Value: Sendable>: RuleSettingDeclaration {
    public let setting: Setting
    let defaultValue: Value
    // Of this setting alone, so that what is kept there is a box of its values.
    let slot = SettingSlot.next()

    /// Declares a setting.
    ///
    /// - Parameters:
    ///   - name: The variable's name.
    ///   - form: What its values look like.
    ///   - defaultValue: The value where the variable is not set.
    ///   - meaning: What it does.
    init(_ name: String, _ form: SettingForm<Value>, default defaultValue: Value, _ meaning: String) {
        self.defaultValue = defaultValue
        setting = Setting(
            name: name, topic: .rules, form: form.text, defaultText: form.written(defaultValue), meaning: meaning
        ) { [slot] (text, settings) throws(Misplaced) in
            settings.ruleValues.set(SettingBox(try form.read(text, settings.catalogue)), at: slot)
        }
    }
}

/// A setting of rules, whatever its type.
public protocol RuleSettingDeclaration: Sendable {
    /// Its name, form, default and meaning.
    var setting: Setting { get }
}

extension Settings {
    /// The value of a rule's setting.
    @inline(__always)
    package subscript<Value>(setting: RuleSetting<Value>) -> Value {
        guard let box = ruleValues.box(at: setting.slot) else { return setting.defaultValue }
        // The slot is this setting's alone, and what is put there is made by it.
        return unsafeDowncast(box, to: SettingBox<Value>.self).value
    }
}

/// Values of rules' settings that are set, by the settings' slots.
struct RuleValues: Sendable {
    private var boxes: [AnySettingBox?] = []

    @inline(__always)
    func box(at slot: Int) -> AnySettingBox? { slot < boxes.count ? boxes[slot] : nil }

    mutating func set(_ box: AnySettingBox, at slot: Int) {
        while boxes.count <= slot { boxes.append(nil) }
        boxes[slot] = box
    }
}

class AnySettingBox: @unchecked Sendable {}

/// A value of a rule's setting.
///
/// Unchecked: it never changes.
private final class SettingBox<Value: Sendable>: AnySettingBox, @unchecked Sendable {
    let value: Value

    init(_ value: Value) { self.value = value }
}

private enum SettingSlot {
    private static let count = Atomic(0)

    static func next() -> Int { count.wrappingAdd(1, ordering: .relaxed).oldValue }
}
