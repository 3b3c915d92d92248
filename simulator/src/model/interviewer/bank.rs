//! The questions, by stage. All are short, so that a call moves along.

/// What is said in one stage.
pub(super) struct Lines {
    pub(super) said: &'static [&'static str],
    /// Acknowledgements, one of which goes before each line.
    pub(super) preceded_by: &'static [&'static str],
    pub(super) farewell: bool,
}

const ACKNOWLEDGEMENTS: &[&str] =
    &["Thank you.", "I see.", "Good to know.", "Understood.", "That helps.", "Interesting."];

const fn questions(said: &'static [&'static str]) -> Lines {
    Lines { said, preceded_by: ACKNOWLEDGEMENTS, farewell: false }
}

const WELCOME: Lines = Lines {
    said: &[
        "Hello and welcome. Would you please introduce yourself?",
        "Good to meet you. Could you tell me about yourself?",
        "Welcome, and thanks for coming. Would you introduce yourself?",
        "Hello there. Shall we begin with you introducing yourself?",
        "Welcome to the interview. May I ask you to introduce yourself?",
        "Hi, nice to have you here. Will you introduce yourself?",
        "Good day and welcome. Would you say a few words about yourself?",
        "Hello, and thanks for joining. Can you briefly introduce yourself?",
    ],
    preceded_by: &[],
    farewell: false,
};

/// For an interview whose greeting was in an earlier call.
const INTRODUCTION: Lines = Lines {
    said: &[
        "Would you please introduce yourself?",
        "Could you tell me about yourself?",
        "Would you say a few words about yourself?",
        "Can you briefly introduce yourself?",
        "Where shall we pick up your introduction?",
        "What should I know about you first?",
    ],
    preceded_by: &[],
    farewell: false,
};

const SELF_INTRO: Lines = questions(&[
    "What drew you to this kind of work?",
    "What are you best at?",
    "How would a colleague describe you?",
    "What do you enjoy most in your work?",
    "What have you been learning lately?",
    "Which of your strengths matters most here?",
    "How did you get to where you are?",
    "What does a good working day look like?",
    "What are you working on at the moment?",
    "What would you like to do more of?",
]);

const PAST_EXPERIENCE: Lines = questions(&[
    "Which project are you most proud of?",
    "What was the hardest problem you solved?",
    "When did something go wrong, and why?",
    "How did you handle a tight deadline?",
    "What did you change in your last team?",
    "How did you deal with a disagreement?",
    "What would you do differently today?",
    "How did you measure that it worked?",
    "What did you learn from a failure?",
    "Who depended on your work, and how?",
]);

const COMPANY_FIT: Lines = questions(&[
    "Why would you like to join us?",
    "What kind of team suits you?",
    "What do you expect of a manager?",
    "How do you like to receive feedback?",
    "Where do you want to be in three years?",
    "What would you do in your first month?",
    "Which of our values speaks to you?",
    "What would make you leave a job?",
    "How do you work with people far away?",
    "What should we know before we decide?",
]);

const CLOSING: Lines = Lines {
    said: &[
        "Thank you for your time today. Goodbye, and all the best.",
        "That was all from me. Many thanks, and goodbye.",
        "We have reached the end. Thank you very much, goodbye.",
        "Thank you for a good conversation. Take care, goodbye.",
        "This concludes our interview. Thank you, and goodbye.",
        "Thanks for all your answers. Have a nice day, goodbye.",
        "I have what I need. Thank you for coming, goodbye.",
        "It was a pleasure. Thank you, and goodbye for now.",
    ],
    preceded_by: &[],
    farewell: true,
};

const GENERAL: Lines = questions(&[
    "Could you give me an example?",
    "How did you go about it?",
    "What was the result?",
    "What made it difficult?",
    "Who worked on it with you?",
    "How long did it take?",
    "What did you take away from it?",
    "What happened next?",
    "Why did you choose that way?",
    "How do you feel about it now?",
]);

/// The questions that fit everywhere, with the name they go by.
pub(super) const ANYWHERE: (&str, &Lines) = ("general", &GENERAL);

/// The lines of the first stage for somebody who was greeted already, with their name.
pub(super) const ALREADY_GREETED: (&str, &Lines) = ("introduction", &INTRODUCTION);

/// The lines of a stage with the name they go by; another stage, or none, has general questions.
pub(super) fn of_stage(stage: Option<&str>) -> (&'static str, &'static Lines) {
    match stage {
        Some("welcome") => ("welcome", &WELCOME),
        Some("self_intro") => ("self_intro", &SELF_INTRO),
        Some("past_experience") => ("past_experience", &PAST_EXPERIENCE),
        Some("company_fit") => ("company_fit", &COMPANY_FIT),
        Some("closing") => ("closing", &CLOSING),
        _ => ANYWHERE,
    }
}
