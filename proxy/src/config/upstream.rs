//! Which model server is used, and what is asked of it. The address is the operator's alone: the key travels there.

use std::fs;
use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;

use super::defaults;
use super::reader::Reader;
use super::server::{Environment, Server};
use crate::upstream::manner::Manners;
use crate::upstream::{BaseUrl, Manner};
use crate::vault::KeyPolicy;

/// Far above any file of them.
const MAX_FILE_BYTES: u64 = 256 * 1024;

/// Which server answers.
#[derive(Clone, Debug)]
pub enum Model {
    /// The stand-in model, inside this process on a loopback port.
    Simulator,
    /// A server of the provider's protocol.
    Provider {
        /// `OPENAI_BASE_URL`, default the provider's own.
        base_url: BaseUrl,
        /// `OPENAI_API_KEY`. `None` with `KEY_POLICY=byok`: everybody brings their own.
        key: Option<SecretString>,
    },
}

/// A second server: asked when the first has certainly made nothing of an offer.
#[derive(Clone, Debug)]
pub struct Backup {
    /// `UPSTREAM_BACKUP`, a name in `UPSTREAMS` or the built-in ones.
    pub name: String,
    /// `UPSTREAM_BACKUP_URL`, default the one in the file.
    pub base_url: BaseUrl,
    /// How it wants to be asked.
    pub manner: Manner,
    /// `UPSTREAM_BACKUP_KEY`: the operator's own. Nobody else's key is ever sent there.
    pub key: SecretString,
}

/// Whether new calls are taken.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Admission {
    /// They are.
    Open,
    /// `KILL_SWITCH=refuse`: they are not; calls under way go on.
    Refused,
}

/// Whether the server watches its calls.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sideband {
    /// It opens a socket to every call.
    On,
    /// The client reports and executes; rows are marked so.
    Off,
}

/// The way to the model.
#[derive(Clone, Debug)]
pub struct Upstream {
    /// Which server.
    pub model_server: Model,
    /// `UPSTREAM`, from `UPSTREAMS` or the built-in ones: how that server wants to be asked.
    pub manner: Manner,
    /// What calls remember their server by: `UPSTREAM`, else `openai` or `custom` by its address; `simulator`.
    pub name: String,
    /// A second server, where there is one.
    pub backup: Option<Backup>,
    /// `KILL_SWITCH`.
    pub admission: Admission,
    /// `OPENAI_REALTIME_MODEL`. Never checked against a list: new names must work.
    pub model: String,
    /// `OPENAI_VOICE`.
    pub voice: String,
    /// `OPENAI_TRANSCRIBE_MODEL`.
    pub transcribe_model: String,
    /// `OPENAI_TRANSLATE_MODEL`.
    pub translate_model: String,
    /// `SIDEBAND`, default on.
    pub sideband: Sideband,
    /// `UPSTREAM_TIMEOUT_SECONDS`.
    pub timeout: Duration,
}

/// `KILL_SWITCH`.
#[derive(Clone, Copy, PartialEq, Eq)]
enum KillSwitch {
    Off,
    Simulation,
    Refuse,
}

impl Upstream {
    pub(super) fn read(reader: &mut Reader<'_>, server: &Server, policy: KeyPolicy) -> Self {
        let key = key(reader, "OPENAI_API_KEY");
        let base_url = reader.parse("OPENAI_BASE_URL", "set e.g. https://api.openai.com/v1", |text| {
            BaseUrl::parse(text).map_err(|error| error.to_string().into())
        });
        let manners = manners(reader);
        let (chosen, manner) = chosen(reader, "UPSTREAM", &manners).unzip();
        let base_url = base_url.or_else(|| manner.as_ref().and_then(Manner::base_url));
        if let (Some(_), None) = (&manner, &base_url) {
            let fix = "set the address of that server, e.g. https://RESOURCE.openai.azure.com/openai/v1";
            reader.fault("OPENAI_BASE_URL", "is missing, and the chosen UPSTREAM has no address of its own", fix);
        }
        let simulate = reader.switch("SIMULATION_MODE");
        let switches =
            [("off", KillSwitch::Off), ("simulation", KillSwitch::Simulation), ("refuse", KillSwitch::Refuse)];
        let kill_switch = reader.choice("KILL_SWITCH", KillSwitch::Off, &switches);
        let simulation_may_be_public = reader.switch("ALLOW_PUBLIC_SIMULATION");

        check_clear(reader, "OPENAI_BASE_URL", base_url.as_ref());
        // What calls remember their server by where no name was chosen.
        let is_openai = base_url.as_ref().is_none_or(|base_url| base_url.as_str() == BaseUrl::OPENAI);
        let name = chosen.unwrap_or_else(|| if is_openai { "openai" } else { "custom" }.to_owned());
        let backup = backup(reader, &name, &manners);
        let simulated = simulate || kill_switch == KillSwitch::Simulation;
        let model_server = match key {
            key if !simulated && (key.is_some() || policy == KeyPolicy::Byok) => {
                let base_url = base_url.or_else(|| BaseUrl::parse(BaseUrl::OPENAI).ok());
                base_url.map_or(Model::Simulator, |base_url| Model::Provider { base_url, key })
            }
            None if base_url.is_some() && !simulated => {
                reader.fault(
                    "OPENAI_API_KEY",
                    "is missing although OPENAI_BASE_URL is set",
                    "set the key of that server, or KEY_POLICY=byok if everybody brings their own",
                );
                Model::Simulator
            }
            _ => Model::Simulator,
        };
        if matches!(model_server, Model::Simulator) {
            if !cfg!(feature = "simulator") {
                reader.fault(
                    "OPENAI_API_KEY",
                    "is missing, and this build has no simulator",
                    "set the key, or build with it",
                );
            }
            let public = !server.bind.is_loopback() || server.environment == Environment::Production;
            if public && !simulation_may_be_public {
                let fix = "set OPENAI_API_KEY for the real model, or ALLOW_PUBLIC_SIMULATION=true to show the simulator to everybody";
                reader.fault("ALLOW_PUBLIC_SIMULATION", "is not set, and the simulator would answer real people", fix);
            }
        }
        let (server, backup) = match &model_server {
            // What is simulated is never real: nobody stands in for the stand-in.
            Model::Simulator => ("simulator".to_owned(), None),
            Model::Provider { key, .. } => {
                if key.is_none() && backup.is_some() {
                    let advice = "is never used: without OPENAI_API_KEY all calls are made with stored keys";
                    reader.warn("UPSTREAM_BACKUP", advice);
                }
                (name, backup)
            }
        };
        let manner = manner.unwrap_or_default();
        let model = manner.model.clone();
        Self {
            model_server,
            name: server,
            backup,
            manner,
            admission: if kill_switch == KillSwitch::Refuse { Admission::Refused } else { Admission::Open },
            model: model_name(reader, "OPENAI_REALTIME_MODEL", model.as_deref().unwrap_or(defaults::MODEL)),
            voice: model_name(reader, "OPENAI_VOICE", defaults::VOICE),
            transcribe_model: model_name(reader, "OPENAI_TRANSCRIBE_MODEL", defaults::TRANSCRIBE_MODEL),
            translate_model: model_name(reader, "OPENAI_TRANSLATE_MODEL", defaults::TRANSLATE_MODEL),
            sideband: reader.choice("SIDEBAND", Sideband::On, &[("on", Sideband::On), ("off", Sideband::Off)]),
            timeout: reader.seconds("UPSTREAM_TIMEOUT_SECONDS", &defaults::UPSTREAM_TIMEOUT_SECONDS),
        }
    }
}

/// How servers want to be asked.
fn manners(reader: &mut Reader<'_>) -> Manners {
    match reader.text("UPSTREAMS").map(PathBuf::from) {
        None => Manner::built_in(),
        Some(path) => {
            let text = fs::metadata(&path).and_then(|found| {
                let fits = found.len() <= MAX_FILE_BYTES;
                if fits { fs::read_to_string(&path) } else { Err(std::io::ErrorKind::FileTooLarge.into()) }
            });
            let read = text
                .map_err(|error| format!("cannot be read ({})", error.kind()))
                .and_then(|text| Manner::parse_all(&text).map_err(|error| error.to_string()));
            let fix = "name a file in the form of `upstreams.toml`, or unset it for the built-in ones";
            reader.accept("UPSTREAMS", fix, read.map_err(Into::into)).unwrap_or_else(Manner::built_in)
        }
    }
}

/// The server that a variable names; none when nothing else than the provider's own way is asked for.
fn chosen(reader: &mut Reader<'_>, variable: &'static str, manners: &Manners) -> Option<(String, Manner)> {
    let name = reader.text(variable)?;
    let found = manners.get(name).cloned();
    if found.is_none() {
        let names: Vec<_> = manners.keys().map(String::as_str).collect();
        reader.fault(variable, "is not the name of a server", format!("use one of: {}", names.join(", ")));
    }
    found.map(|manner| (name.to_owned(), manner))
}

/// The second server. Its variables are looked at together, so that each is named when it is missing.
fn backup(reader: &mut Reader<'_>, first: &str, manners: &Manners) -> Option<Backup> {
    let base_url =
        reader.parse("UPSTREAM_BACKUP_URL", "set e.g. https://RESOURCE.openai.azure.com/openai/v1", |text| {
            BaseUrl::parse(text).map_err(|error| error.to_string().into())
        });
    let key = key(reader, "UPSTREAM_BACKUP_KEY");
    let (name, manner) = chosen(reader, "UPSTREAM_BACKUP", manners)?;
    if first == name {
        let fix = "name another server; two profiles of one provider need two names in UPSTREAMS";
        reader.fault("UPSTREAM_BACKUP", "is the first server again", fix);
    }
    let dialect = manners.get(first).map(|first| first.dialect).unwrap_or_default();
    if dialect != manner.dialect {
        let fix = "name a server of the same `dialect`: an interview's model is one of that";
        reader.fault("UPSTREAM_BACKUP", "speaks another dialect than the first server", fix);
    }
    let base_url = base_url.or_else(|| manner.base_url());
    if base_url.is_none() {
        let fix = "set the address of that server, e.g. https://RESOURCE.openai.azure.com/openai/v1";
        reader.fault("UPSTREAM_BACKUP_URL", "is missing, and UPSTREAM_BACKUP has no address of its own", fix);
    }
    if key.is_none() {
        reader.fault("UPSTREAM_BACKUP_KEY", "is missing although UPSTREAM_BACKUP is set", "set the key of that server");
    }
    check_clear(reader, "UPSTREAM_BACKUP_URL", base_url.as_ref());
    Some(Backup { name, base_url: base_url?, manner, key: key? })
}

/// A key does not travel in clear.
fn check_clear(reader: &mut Reader<'_>, variable: &'static str, base_url: Option<&BaseUrl>) {
    if let Some(url) = base_url.filter(|url| !url.is_https() && !is_local(url)) {
        let problem = format!("would send the key to {} in clear", url.host());
        reader.fault(variable, problem, "use https, or a server on this machine");
    }
}

/// A key is one word of visible ASCII; anything else was pasted wrongly and could not be sent.
fn key(reader: &mut Reader<'_>, variable: &'static str) -> Option<SecretString> {
    reader.parse(variable, "copy it again, whole and alone", |text| {
        if text.bytes().all(|byte| byte.is_ascii_graphic()) {
            Ok(SecretString::from(text))
        } else {
            Err("contains spaces or other characters that a key cannot have".into())
        }
    })
}

/// A model's or voice's name goes into JSON and into metrics labels, so it is short and plain.
fn model_name(reader: &mut Reader<'_>, variable: &'static str, default: &str) -> String {
    let legal = |byte: u8| byte.is_ascii_alphanumeric() || b"-_.:/".contains(&byte);
    let read = reader.parse(variable, "use at most 100 letters, digits, `-`, `_`, `.`, `:` or `/`", |text| {
        if text.len() <= 100 && text.bytes().all(legal) { Ok(text.to_owned()) } else { Err("is not a name".into()) }
    });
    read.unwrap_or_else(|| default.to_owned())
}

fn is_local(url: &BaseUrl) -> bool {
    super::Origin::parse(&format!("http://{}", url.host())).is_ok_and(|origin| origin.is_loopback())
}
