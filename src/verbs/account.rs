//! One's own account: `jumpdeck passwd`, `second-factor`, `login` and `logout`.

use super::connect::{Connect, Keep, Linked};
use super::context::VerbContext;
use super::output;
use super::status::VerbStatus;
use super::stdio::Stdio;
use crate::link::{Client, ClientError, Destination, Here};
use crate::runtime::dirs::Places;
use crate::runtime::logins::{KeptWhere, Logins};
use anyhow::bail;
use clap::{Args, Subcommand};
use jumpdeck_protocol::RefusalCode;
use jumpdeck_protocol::limits;
use jumpdeck_protocol::rep::reply;
use jumpdeck_protocol::rep::request;
use jumpdeck_protocol::rep::{Request, Secret};
use qrcode::{EcLevel, QrCode};
use std::process::ExitCode;

/// The variable that a new password is read from.
const NEW_PASSWORD: &str = "JUMPDECK_NEW_PASSWORD";
/// The variable that the first code of a new second factor is read from.
const NEW_CODE: &str = "JUMPDECK_NEW_CODE";

#[derive(Args, Debug)]
pub(crate) struct Passwd {}

#[derive(Args, Debug)]
pub(crate) struct SecondFactorVerb {
    #[command(subcommand)]
    what: SecondFactorAction,
}

#[derive(Subcommand, Debug)]
enum SecondFactorAction {
    /// Set up or replace the second factor. Shows a QR code and recovery codes.
    Set {
        /// Do not draw the QR code.
        #[arg(long)]
        no_qr: bool,
    },
    /// Remove the second factor.
    Rm,
}

#[derive(Args, Debug)]
pub(super) struct LoginVerb {}

#[derive(Args, Debug)]
pub(super) struct Logout {
    /// Every login of yours that is kept anywhere.
    #[arg(long)]
    all: bool,
}

impl Passwd {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let Linked { mut client, password } = context.link(Keep::No).await?;
        if client.welcome.embedded {
            bail!("your own appliance has no password: only you can open it");
        }
        let current = match password {
            Some(password) => password,
            None => context.io.secret("Password you have: ").await?,
        };
        change(&mut client, &current, &mut context.io).await?;
        client.close().await;
        context.io.say("The password was changed. Logins that were kept have ended.").await;
        Ok(VerbStatus::DONE)
    }
}

/// Asks for another password, and has it changed. Returns what has to be done next.
async fn change(
    client: &mut Client,
    current: &str,
    io: &mut Stdio,
) -> anyhow::Result<Option<RefusalCode>> {
    let mut told = String::new();
    loop {
        let given = io.variable(NEW_PASSWORD);
        let chosen = match &given {
            Some(new) => new.clone(),
            None if io.somebody_is_there() => {
                ask_for_password(io, std::mem::take(&mut told)).await?
            }
            None => bail!("nobody is there to be asked for a new password; set {NEW_PASSWORD}"),
        };
        let (current, new) = (Secret(current.to_owned()), Secret(chosen));
        match client.ask(request::ChangePassword { current, new }).await {
            Ok(reply::PasswordChanged { first }) => return Ok(first),
            Err(ClientError::Refused(refusal))
                if refusal.code == RefusalCode::InvalidValue && given.is_none() =>
            {
                told = format!("{refusal}\n");
            }
            Err(error) => return Err(error.into()),
        }
    }
}

/// Asks for another password; `told` is said before.
async fn ask_for_password(io: &mut Stdio, mut told: String) -> anyhow::Result<String> {
    loop {
        let question = format!("{told}New password ({} characters or more): ", limits::PASSWORD);
        let new = io.secret(&question).await?;
        if new.chars().count() < limits::PASSWORD {
            "That is too short.\n".clone_into(&mut told);
            continue;
        }
        if io.secret("The same once more: ").await? == new {
            return Ok(new);
        }
        "Those were not the same.\n".clone_into(&mut told);
    }
}

/// What has to be done on a link before anything else is done, if somebody is there to do it.
pub(super) async fn first(linked: Linked, keep: Keep) -> anyhow::Result<Client> {
    let Linked { mut client, password } = linked;
    let anything = client.welcome.first.is_some();
    do_first(&mut client, password.as_deref(), &mut Stdio::own()).await?;
    if anything && keep == Keep::Console {
        // What opened this link does not open the next one.
        let holder = "a console".to_owned();
        let request = request::KeepLogin { holder, seconds: super::connect::CONSOLE_DAY };
        let login = client.ask(request).await?;
        client.keep(login.token);
    }
    Ok(client)
}

/// Does what a link wants first.
async fn do_first(
    client: &mut Client,
    password: Option<&str>,
    io: &mut Stdio,
) -> anyhow::Result<()> {
    while let Some(code) = client.welcome.first {
        client.welcome.first = match code {
            RefusalCode::PasswordChangeRequired if io.somebody_is_there() => {
                io.say("Your password was made for the first login. Choose another one.").await;
                let current = match password {
                    Some(password) => password.to_owned(),
                    None => io.secret("Password you have: ").await?,
                };
                change(client, &current, io).await?
            }
            RefusalCode::SecondFactorUnknown if io.somebody_is_there() => {
                io.say("Your appliance wants a second factor of you. Set it up now.").await;
                set_up(client, true, io).await?;
                None
            }
            code => bail!("{}", code.plain()),
        };
    }
    Ok(())
}

/// The same for a rep who came in to the appliance that this process is.
pub(crate) async fn settle(
    here: &Here,
    io: &mut Stdio,
    password: Option<Secret>,
) -> anyhow::Result<()> {
    if !here.entrance.wants_first() {
        return Ok(());
    }
    let mut client = Client::connect(Destination::Here(here.clone())).await?;
    let password = password.map(|password| password.0);
    let outcome = do_first(&mut client, password.as_deref(), io).await;
    client.close().await;
    outcome
}

impl SecondFactorVerb {
    pub(super) async fn run(self, context: &mut VerbContext) -> anyhow::Result<VerbStatus> {
        let Linked { mut client, .. } = context.link(Keep::Password).await?;
        match self.what {
            SecondFactorAction::Set { no_qr } => {
                set_up(&mut client, !no_qr, &mut context.io).await?;
            }
            SecondFactorAction::Rm => {
                let remove = |code| request::RemoveSecondFactor { code };
                ask_with_code(&mut client, remove, &mut context.io).await?;
                context.io.say("You have no second factor any more.").await;
            }
        }
        client.close().await;
        Ok(VerbStatus::DONE)
    }
}

async fn set_up(client: &mut Client, draw: bool, io: &mut Stdio) -> anyhow::Result<()> {
    let begin = |code| request::BeginSecondFactor { code };
    let reply::NewSecondFactor { secret, url } = ask_with_code(client, begin, io).await?;
    let print = io.print(|out| {
        if draw {
            writeln!(out, "{}", picture(&url.0).unwrap_or_default())?;
        }
        writeln!(out, "secret  {}", secret.0)?;
        let how = if draw { "Scan the code above with" } else { "Type the secret into" };
        writeln!(out, "{how} your authenticator.")
    });
    print.await?;
    let codes = loop {
        let given = io.variable(NEW_CODE);
        let code = match &given {
            Some(code) => code.clone(),
            None if io.somebody_is_there() => io.line("Code that it shows: ").await?,
            None => bail!("nobody is there to be asked for the code it shows; set {NEW_CODE}"),
        };
        match client.ask(request::ConfirmSecondFactor { code: Secret(code) }).await {
            Ok(reply::RecoveryCodes { codes }) => break codes,
            Err(ClientError::Refused(refusal))
                if refusal.code == RefusalCode::SecondFactorRequired && given.is_none() =>
            {
                io.say(&refusal.to_string()).await;
            }
            Err(error) => return Err(error.into()),
        }
    };
    let print = io.print(|out| {
        writeln!(out, "\nKeep these: each opens once, if the authenticator is lost.")?;
        codes.iter().try_for_each(|code| writeln!(out, "  {}", code.0))
    });
    print.await?;
    Ok(())
}

/// Asks for something that wants a code of the second factor there is, where the login had none.
async fn ask_with_code<R: Request>(
    client: &mut Client,
    request: impl Fn(Option<Secret>) -> R,
    io: &mut Stdio,
) -> anyhow::Result<R::Reply> {
    match client.ask(request(None)).await {
        Err(ClientError::Refused(refusal)) if refusal.code == RefusalCode::SecondFactorRequired => {
            let question = "Code of the second factor you have, or a recovery code: ";
            let code = match io.variable("JUMPDECK_CODE") {
                Some(code) => code,
                None => io.line(question).await?,
            };
            Ok(client.ask(request(Some(Secret(code)))).await?)
        }
        answer => Ok(answer?),
    }
}

/// A QR code in half blocks: dark on light, whatever the terminal's colours are.
fn picture(text: &str) -> Option<String> {
    let code = QrCode::with_error_correction_level(text, EcLevel::L).ok()?;
    let width = code.width();
    let colours = code.to_colors();
    let quiet = 2;
    let dark = |x: usize, y: usize| {
        let inside = |at: usize| at.checked_sub(quiet).filter(|at| *at < width);
        let at = inside(x).zip(inside(y)).map(|(x, y)| y * width + x);
        at.and_then(|at| colours.get(at)).is_some_and(|colour| *colour == qrcode::Color::Dark)
    };
    let side = width + 2 * quiet;
    let mut lines = String::new();
    for y in (0..side).step_by(2) {
        lines.push_str("\x1b[30;107m");
        for x in 0..side {
            lines.push(match (dark(x, y), dark(x, y + 1)) {
                (true, true) => '█',
                (true, false) => '▀',
                (false, true) => '▄',
                (false, false) => ' ',
            });
        }
        lines.push_str("\x1b[0m\n");
    }
    Some(lines)
}

impl LoginVerb {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let Some(url) = connect.url() else {
            bail!("your own appliance needs no login; name another one with --connect");
        };
        let address: jumpdeck_link::Address = url.parse()?;
        let linked = connect.link(places, Keep::Password).await?;
        let mut client = first(linked, Keep::Password).await?;
        let username = client.welcome.username.clone();
        let request = request::KeepLogin { holder: super::connect::device(), seconds: 0 };
        let answer = client.ask(request).await;
        client.close().await;
        let kept = answer?;
        let token = kept.token;
        let logins = Logins::in_dir(&places.config()?);
        match logins.keep(&address.to_string(), &username, &token)? {
            KeptWhere::Keyring => {
                output::say(&format!("{username} is logged in; the keyring has it."));
            }
            KeptWhere::File(path) => output::say(&format!(
                "{username} is logged in; {} has it, which only you can read.",
                path.display()
            )),
        }
        Ok(ExitCode::SUCCESS)
    }
}

impl Logout {
    pub(super) async fn run(self, places: &Places, connect: &Connect) -> anyhow::Result<ExitCode> {
        let Some(url) = connect.url() else {
            bail!("your own appliance has no login; name another one with --connect");
        };
        let address = url.parse::<jumpdeck_link::Address>()?.to_string();
        let logins = Logins::in_dir(&places.config()?);
        if !self.all && !logins.has_any(&address) {
            bail!("no login is kept here; --all ends those kept elsewhere");
        }
        let Linked { mut client, .. } = connect.link(places, Keep::No).await?;
        let username = client.welcome.username.clone();
        let kept = logins.find(&address, &username);
        if kept.is_none() && !self.all {
            client.close().await;
            bail!("no login of {username} is kept here; --all ends those kept elsewhere");
        }
        let token = kept.filter(|_| !self.all).map(Secret);
        let answer = client.ask(request::Logout { token }).await;
        client.close().await;
        logins.forget(&address, &username)?;
        answer?;
        output::say(&format!("{username} is logged out."));
        Ok(ExitCode::SUCCESS)
    }
}
