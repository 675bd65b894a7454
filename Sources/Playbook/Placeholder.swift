// Playbook
