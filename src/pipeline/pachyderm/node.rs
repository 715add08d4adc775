//! A value within a document together with the way to it, so that a complaint can say where.

use serde_json::Value;

/// What is wrong in a document, and where.
#[derive(Debug)]
pub(super) struct Mistake {
    /// The keys that lead there, such as `input.cross[1].pfs.glob`; empty for the document itself.
    pub(super) path: String,
    pub(super) message: String,
}

/// A value, and the keys that lead to it.
#[derive(Debug, Clone)]
pub(super) struct Node<'a> {
    path: String,
    value: &'a Value,
}

impl<'a> Node<'a> {
    /// A whole document.
    pub(super) fn root(value: &'a Value) -> Self {
        Self { path: String::new(), value }
    }

    /// The keys that lead here.
    pub(super) fn path(&self) -> &str {
        &self.path
    }

    /// A mistake here.
    pub(super) fn wrong(&self, message: impl Into<String>) -> Mistake {
        Mistake { path: self.path.clone(), message: message.into() }
    }

    /// Whether it says anything. In Pachyderm's specs an empty value, a zero and `false` are what is meant when nothing is said.
    pub(super) fn is_set(&self) -> bool {
        match self.value {
            Value::Null | Value::Bool(false) => false,
            Value::Bool(true) => true,
            Value::Number(number) => number.as_f64() != Some(0.0),
            Value::String(text) => !text.is_empty(),
            Value::Array(list) => !list.is_empty(),
            Value::Object(map) => !map.is_empty(),
        }
    }

    /// Whether it has keys and values, if only none.
    pub(super) fn is_object(&self) -> bool {
        self.value.is_object()
    }

    /// What stands under the key, if it says anything.
    pub(super) fn get(&self, key: &str) -> Option<Self> {
        let value = self.value.get(key)?;
        Some(self.below(key, value)).filter(Self::is_set)
    }

    fn below(&self, key: &str, value: &'a Value) -> Self {
        let path = if self.path.is_empty() { key.to_owned() } else { format!("{}.{key}", self.path) };
        Self { path, value }
    }

    /// Its keys and what stands under them.
    pub(super) fn fields(&self) -> Result<Vec<(&'a str, Self)>, Mistake> {
        let map = self.value.as_object().ok_or_else(|| self.wrong("expected keys and values"))?;
        Ok(map.iter().map(|(key, value)| (key.as_str(), self.below(key, value))).collect())
    }

    /// What is in the list.
    pub(super) fn items(&self) -> Result<Vec<Self>, Mistake> {
        let list = self.value.as_array().ok_or_else(|| self.wrong("expected a list"))?;
        let item = |(at, value)| Self { path: format!("{}[{at}]", self.path), value };
        Ok(list.iter().enumerate().map(item).collect())
    }

    /// It is a text.
    pub(super) fn text(&self) -> Result<&'a str, Mistake> {
        self.value.as_str().ok_or_else(|| self.wrong("expected a text; put it in quotes"))
    }

    /// It is a list of texts.
    pub(super) fn texts(&self) -> Result<Vec<String>, Mistake> {
        self.items()?.iter().map(|item| Ok(item.text()?.to_owned())).collect()
    }

    /// It is a whole number, perhaps written as a text, as Pachyderm prints it.
    pub(super) fn whole(&self) -> Result<i64, Mistake> {
        let number = self.value.as_i64().or_else(|| self.value.as_str()?.parse().ok());
        number.filter(|number| *number >= 0).ok_or_else(|| self.wrong("expected a whole number, 0 or more"))
    }

    /// It is true or false.
    pub(super) fn flag(&self) -> Result<bool, Mistake> {
        self.value.as_bool().ok_or_else(|| self.wrong("expected true or false"))
    }

    /// It is a text or a number, as a text.
    pub(super) fn amount(&self) -> Result<String, Mistake> {
        match self.value {
            Value::String(text) => Ok(text.clone()),
            Value::Number(number) => Ok(number.to_string()),
            _ => Err(self.wrong("expected an amount")),
        }
    }
}
