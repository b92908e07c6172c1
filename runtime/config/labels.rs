//! Reads `[labels]`, and labels wherever they are named.

use outrigger_policy::labels::{LabelId, Labels};
use outrigger_policy::limits::LIST_MAX;

use super::read::{Context, Table};
use super::words::{hint, is_name, join};

/// The labels; one after an error, or when there are none.
pub(super) fn read_labels<'a>(cx: &mut Context<'a>, table: &Table<'a>) -> Labels {
    let written = cx.raw(table, "order");
    let mut chains: Vec<Vec<String>> = Vec::new();
    let mut good = true;
    if let Some(value) = written {
        good = value.as_array().is_some_and(|list| list.len() <= LIST_MAX);
        for chain in value.as_array().filter(|_| good).into_iter().flatten() {
            let names: Option<Vec<String>> = chain.get_ref().as_array().and_then(|chain| {
                let names = chain.iter().map(|name| {
                    name.get_ref()
                        .as_str()
                        .filter(|name| is_name(name))
                        .map(str::to_owned)
                });
                names.collect()
            });
            match names {
                Some(names) if (1..=LIST_MAX).contains(&names.len()) => chains.push(names),
                Some(_) | None => good = false,
            }
        }
    }
    if !good {
        cx.refuse(table, "order");
        return Labels::default();
    }
    cx.settle(table, "order", chains.clone().into(), written.is_some());
    Labels::new(&chains).unwrap_or_else(|errors| {
        for error in errors {
            cx.fail(join(&table.path, "order"), error.to_string());
        }
        Labels::default()
    })
}

/// A label by name, or the only one there is.
pub(super) fn read_label<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    labels: &Labels,
    default: Option<LabelId>,
) -> Option<LabelId> {
    let shown = default.map(|label| labels.name(label));
    let name = cx.text(table, "label", shown, is_name)?;
    find_label(cx, join(&table.path, "label"), labels, &name)
}

/// The label of this name, or an error at `key`.
pub(super) fn find_label(
    cx: &mut Context<'_>,
    key: String,
    labels: &Labels,
    name: &str,
) -> Option<LabelId> {
    let found = labels.find(name);
    if found.is_none() && labels_are_known(cx) {
        let hint = hint(name, labels.ids().map(|label| labels.name(label)));
        cx.fail(
            key,
            format!("must be a label of labels.order, is {name:?}{hint}"),
        );
    }
    found
}

/// False after an error in the labels themselves: then every use of one would be reported again.
fn labels_are_known(cx: &Context<'_>) -> bool {
    !cx.errors
        .iter()
        .any(|error| error.key == "labels.order" || error.key == "labels")
}

/// A label that must be named when there are several.
pub(super) fn required_label<'a>(
    cx: &mut Context<'a>,
    table: &Table<'a>,
    labels: &Labels,
) -> Option<LabelId> {
    if labels.sole().is_none() && !cx.has(table, "label") {
        let names: Vec<&str> = labels.ids().map(|label| labels.name(label)).collect();
        let message = format!(
            "required, as there are several labels: {}",
            names.join(", ")
        );
        cx.fail(join(&table.path, "label"), message);
        return None;
    }
    read_label(cx, table, labels, labels.sole())
}
